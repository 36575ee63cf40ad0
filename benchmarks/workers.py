"""Engines in separate processes, so that no two thread pools share a process."""
import importlib.util
import multiprocessing
import warnings

from .engines import ENGINES
from .timing import Timed, calls_a_turn, least, turn, undisturbed


class Worker:
    """An engine in another process. If the engine fails there, the call raises RuntimeError here.

    Args:
        engine: its name in ENGINES.
    """

    def __init__(self, engine):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, engine))
        self.process.start()
        theirs.close()
        self.version = self._wait()

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
            good, answer = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            raise RuntimeError("the process died") from None
        if not good:
            raise RuntimeError(answer)
        return answer


def missing(engine):
    """The modules of an engine that are not installed."""
    return [m for m in ENGINES[engine].modules if importlib.util.find_spec(m) is None]


# ---- in the process -------------------------------------------------------------------------------------------------

def _serve(pipe, name):
    warnings.simplefilter("ignore")
    session = _Session(name)
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

    def __init__(self, name):
        self.name, self.engine, self.timed, self.count = name, None, None, 0

    def version(self):
        self.engine = ENGINES[self.name]()
        return self.engine.version

    def prepare(self, row, seconds, threads):
        self.timed = None               # frees the memory of the last row
        work = getattr(self.engine, row.mode)(row.work)
        if work is None:
            return None
        check = work.check()
        self.timed = Timed(work.call)
        choices = self.engine.threads if threads is None else (threads,)
        if len(choices) > 1:
            choices = (min(choices, key=self._seconds_on),)
        if choices[0] is not None:
            self.engine.use_threads(choices[0])
        self.count = calls_a_turn(self.timed, seconds)
        return check

    def _seconds_on(self, threads):
        self.engine.use_threads(threads)
        return least(self.timed)

    def turn(self):
        return turn(self.timed, self.count)
