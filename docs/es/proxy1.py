#!/usr/bin/env python3
"""proxy1: recibe clientes TCP y los lleva por UDP hasta proxy2.

    python3 proxy1.py PUERTO_TCP HOST PUERTO_UDP

Es la solución ingenua: sockets que bloquean y un hilo por cliente. No repite
lo que UDP pierde: por eso proxy2 debe enviar despacio (--rate 20Mbit).
"""

import socket
import sys
import threading
import time

TROZO = 1400        # bytes de datos por datagrama: caben en 1500 con cabeceras
ESPERA = 0.3        # segundos entre el fin del cliente y la X

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
clientes = {}       # número (0 a 9): conexión TCP
abiertos = {}       # número: Event que se activa cuando proxy2 contesta
cerrojo = threading.Lock()


def nuevo(conexion):
    """Da un número libre a la conexión; None si ya hay diez."""
    with cerrojo:
        for numero in range(10):
            if numero not in clientes:
                clientes[numero] = conexion
                abiertos[numero] = threading.Event()
                return numero
    return None


def olvidar(numero):
    """Cierra la conexión y deja libre su número."""
    with cerrojo:
        conexion = clientes.pop(numero, None)
    if conexion is not None:
        abiertos[numero].set()
        try:
            conexion.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass    # el cliente ya se había ido
        conexion.close()


def atender(conexion, numero):
    """Un cliente: pide el flujo, espera el OK y envía lo que el cliente dice."""
    udp.send(b"C%d" % numero)
    abiertos[numero].wait()
    try:
        while datos := conexion.recv(TROZO):
            udp.send(b"D%d" % numero + datos)
    except OSError:
        pass
    time.sleep(ESPERA)      # la respuesta puede venir aún: una X temprana la pierde
    if clientes.get(numero) is conexion:
        udp.send(b"X%d" % numero)
        olvidar(numero)


def recibir():
    """Todo lo que dice proxy2, en un solo hilo."""
    while True:
        datagrama = udp.recv(2048)
        tipo, numero, datos = datagrama[:1], int(datagrama[1:2]), datagrama[2:]
        if tipo == b"C" and datos == b"OK" and numero in clientes:
            abiertos[numero].set()
        elif tipo == b"D" and numero in clientes:
            try:
                clientes[numero].sendall(datos)
            except OSError:
                pass
        elif tipo in (b"C", b"X"):      # NOK, o proxy2 cierra
            olvidar(numero)


servidor = socket.create_server(("127.0.0.1", int(sys.argv[1])))
udp.connect((sys.argv[2], int(sys.argv[3])))
threading.Thread(target=recibir, daemon=True).start()
print("proxy1 escuchando en %s:%d" % servidor.getsockname(), flush=True)
while True:
    conexion, _ = servidor.accept()
    numero = nuevo(conexion)
    if numero is None:
        conexion.close()                # el cliente once: se cierra enseguida
    else:
        threading.Thread(target=atender, args=(conexion, numero), daemon=True).start()
