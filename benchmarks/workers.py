"""Engines in processes of their own, so that no two thread pools share one."""
import importlib.util
import multiprocessing
import warnings

from .engines import ENGINES
from .timing import Timed, calls_a_turn, least, turn, undisturbed


class Worker:
    """An engine that obeys from another process. A call whose engine fails there raises RuntimeError here.

    Args:
        engine: its name in ENGINES.
    """

    def __init__(self, engine):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_obey, args=(theirs, engine))
        self.process.start()
        theirs.close()
        self.version = self._wait()

    def prepare(self, row, seconds, threads=None):
        """Make a row's work ready; returns the numbers to check, or None where the engine does not do such rows.

        Args:
            seconds: how long a turn will last.
            threads: how many; None: what the engine does best with.
        """
        return self._ask("prepare", row, seconds, threads)

    def turn(self):
        """Seconds a call, in a turn of the work that was prepared."""
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
    """The modules that an engine needs and that are not installed."""
    return [m for m in ENGINES[engine].modules if importlib.util.find_spec(m) is None]


# ---- in the process -------------------------------------------------------------------------------------------------

def _obey(pipe, name):
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
            except EOFError:            # nobody asks any more
                return


class _Session:
    """What a worker's process keeps between requests."""

    def __init__(self, name):
        self.name, self.engine, self.timed, self.count = name, None, None, 0

    def version(self):
        self.engine = ENGINES[self.name]()
        return self.engine.version

    def prepare(self, row, seconds, threads):
        self.timed = None               # the memory of the last row
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
