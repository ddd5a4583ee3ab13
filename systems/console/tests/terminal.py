"""A user at a terminal: completes, fetches an earlier line, is spoken to while typing, and leaves. The terminal is as it was after that.

    terminal.py CONSOLE ARGUMENTS...     HEARS: a file that is written when the user is ready to be spoken to
"""
import os, pty, re, select, sys, termios, time

pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], sys.argv[1:])
before = termios.tcgetattr(terminal)
seen = ""


def until(text, what):
    """Waits until the screen has shown a text behind what was waited for before."""
    global seen
    end = time.monotonic() + 30
    while text not in seen:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"{what}: '{text}' was never shown, but {seen!r}")
        data = os.read(terminal, 65536).decode(errors="replace")
        # What moves the cursor is no text.
        seen += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\r", "", data)
    seen = seen.split(text, 1)[1]


def types(keys):
    os.write(terminal, keys.encode())


until("> ", "the prompt")
types("whoa\t\r")
until("whoami", "Tab completes")
until("You are shed#", "the answer")
types("\x1b[A")
until("whoami", "the arrow brings the line back")
types("\x15say half a li")
until("say half a li", "a line that is being typed")
open(os.environ["HEARS"], "w").close()
until("from outside", "what others say")
until("> say half a li", "the line is there again")
types("ne\r")
until("> half a line", "and is sent as a whole")
types("\x04")
until("good bye", "Ctrl-D ends the session")
_, status = os.waitpid(pid, 0)
if os.waitstatus_to_exitcode(status) != 0:
    sys.exit(f"the exit code is {os.waitstatus_to_exitcode(status)}")
if termios.tcgetattr(terminal) != before:
    sys.exit("the terminal is not as it was")
