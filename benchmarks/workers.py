"""Engines in separate processes, so that no two thread pools share a process."""
import importlib
import importlib.util
import multiprocessing
import warnings
from pathlib import Path

from .timing import Timed, calls_a_turn, least, turn, undisturbed


class Worker:
    """An engine in another process. If the engine fails there, the call raises RuntimeError here.

    Args:
        engine: its name in ENGINES.
        module: the module of this package whose ENGINES have it.
    """

    def __init__(self, engine, module="engines"):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, module, engine))
        self.process.start()
        self.patience = None
        theirs.close()
        self.version = self._wait()
        self.patience = engines(module)[engine].patience

    def prepare(self, row, seconds, threads=None):
        """Prepare the work of a row; returns the numbers to check, or None if the engine does not have this mode.

        Args:
            seconds: the length of a turn.
            threads: the number of threads; None chooses the fastest.
        """
        return self._ask("prepare", row, seconds, threads)

    def turn(self):
        """Seconds per call in a turn of the prepared work."""
        return self._ask("turn")

    def memory(self):
        """The most resident memory of the process so far, and how much of it came after the imports, in bytes."""
        return self._ask("memory")

    def close(self):
        self.pipe.close()
        self.process.join()

    def _ask(self, *request):
        try:
            self.pipe.send(request)
        except BrokenPipeError:
            raise RuntimeError("the process died") from None
        return self._wait()

    def _wait(self):
        try:
            if not self.pipe.poll(self.patience):
                self.process.kill()
                raise RuntimeError(f"no answer within {self.patience} s")
            good, answer = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            raise RuntimeError("the process died") from None
        if not good:
            raise RuntimeError(answer)
        return answer


def engines(module="engines"):
    """The ENGINES of a module of this package."""
    return importlib.import_module(f".{module}", __package__).ENGINES


def missing(engine, module="engines"):
    """The modules of an engine that are not installed."""
    return [m for m in engines(module)[engine].modules if importlib.util.find_spec(m) is None]


# ---- in the process -------------------------------------------------------------------------------------------------

def _serve(pipe, module, name):
    warnings.simplefilter("ignore")
    session = _Session(engines(module)[name])
    request = ("version",)
    with undisturbed():
        while True:
            try:
                answer = True, getattr(session, request[0])(*request[1:])
            except Exception as e:
                answer = False, f"{type(e).__name__}: {e}"[:300]
            pipe.send(answer)
            try:
                request = pipe.recv()
            except EOFError:            # the parent has closed the pipe
                return


class _Session:
    """The state of a worker's process between requests."""

    def __init__(self, kind):
        self.kind, self.engine, self.timed, self.count, self.imported = kind, None, None, 0, 0

    def version(self):
        self.engine = self.kind()
        self.imported = _resident("VmRSS")
        return self.engine.version

    def memory(self):
        most = _resident("VmHWM")
        return most, most - self.imported

    def prepare(self, row, seconds, threads):
        self.timed = None               # frees the memory of the last row
        work = getattr(self.engine, row.mode)(row.work)
        if work is None:
            return None
        choices = self.engine.threads if threads is None else (threads,)
        if len(choices) == 1 and choices[0] is not None:
            self.engine.use_threads(choices[0])         # before the first call, which fastnet records
        check = work.check()
        self.timed = Timed(work.call)
        if len(choices) > 1:
            self.engine.use_threads(min(choices, key=self._seconds_on))
        self.count = calls_a_turn(self.timed, seconds)
        return check

    def _seconds_on(self, threads):
        self.engine.use_threads(threads)
        return least(self.timed)

    def turn(self):
        return turn(self.timed, self.count)


def _resident(name):
    """A size of Linux's /proc/self/status, in bytes; 0 on other systems."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))
