#!/usr/bin/env python3
"""proxy2: recibe datagramas de proxy1 y los lleva por TCP hasta el servidor.

    python3 proxy2.py PUERTO_UDP HOST PUERTO_TCP

Es la solución ingenua: sockets que bloquean y un hilo por conexión.
"""

import socket
import sys
import threading
import time

TROZO = 1400        # bytes de datos por datagrama
PAUSA = TROZO * 8 / 20e6    # segundos por datagrama a 20 Mbit/s
ESPERA = 0.3        # segundos entre el fin del servidor y la X

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
conexiones = {}     # (dirección de proxy1, número): conexión TCP
turno = threading.Lock()    # todos los hilos juntos respetan la PAUSA


def enviar(datos, proxy1):
    """Envía datos, no más deprisa que 20 Mbit/s."""
    with turno:
        udp.sendto(datos, proxy1)
        time.sleep(PAUSA)


def olvidar(flujo):
    conexion = conexiones.pop(flujo, None)
    if conexion is not None:
        try:
            conexion.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        conexion.close()


def atender(flujo):
    """Un flujo: conecta con el servidor, contesta y envía lo que él dice."""
    proxy1, numero = flujo
    try:
        conexion = socket.create_connection(servidor, timeout=5)
        conexion.settimeout(None)
    except OSError:
        conexiones.pop(flujo, None)
        udp.sendto(b"C%dNOK" % numero, proxy1)
        return
    conexiones[flujo] = conexion
    udp.sendto(b"C%dOK" % numero, proxy1)
    try:
        while datos := conexion.recv(TROZO):
            enviar(b"D%d" % numero + datos, proxy1)
    except OSError:
        pass
    time.sleep(ESPERA)      # lo que el cliente aún envía puede estar en camino
    if conexiones.get(flujo) is conexion:
        udp.sendto(b"X%d" % numero, proxy1)
        olvidar(flujo)


servidor = (sys.argv[2], int(sys.argv[3]))
udp.bind(("127.0.0.1", int(sys.argv[1])))
print("proxy2 escuchando en %s:%d" % udp.getsockname(), flush=True)
while True:
    datagrama, proxy1 = udp.recvfrom(2048)
    tipo, numero, datos = datagrama[:1], int(datagrama[1:2]), datagrama[2:]
    flujo = (proxy1, numero)
    if tipo == b"C":
        if flujo not in conexiones:     # una C repetida no abre otra conexión
            conexiones[flujo] = None
            threading.Thread(target=atender, args=(flujo,), daemon=True).start()
        elif conexiones[flujo] is not None:
            udp.sendto(b"C%dOK" % numero, proxy1)
    elif tipo == b"D" and conexiones.get(flujo) is not None:
        try:
            conexiones[flujo].sendall(datos)
        except OSError:
            pass
    elif tipo == b"X":
        olvidar(flujo)
