"""The queue: how work reaches a worker. The only importer of rq. RQ is transport; the database holds every fact.

Jobs are named by text and take ids only, as JSON: nothing in the queue can run code of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import redis
import rq
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from sidecar.config import Settings, load_settings
from sidecar.errors import TransientError
from sidecar.logs import configure_logs
from sidecar.valkey import EmbeddedValkey

QUEUES = ("sync", "upkeep")
QUEUE_BY_MODULE = {"jobs.sync": "sync", "jobs.maintenance": "upkeep"}

# A job id names a slot in time and is never used for a later one. So a finished or failed job may keep its id for as long
# as late tickers and curious people need it, and blocks nothing but its own repetition.
KEEP_FINISHED_SECONDS = 3600
KEEP_FAILED_SECONDS = 86400
# Work that waited a day is dropped: by then later slots wait too, and any of them covers everything since the watermark.
WAIT_SECONDS = 86400
# About two minutes: long enough for a restart of Redis. A worker that gives up is started anew by whoever supervises it.
WORKER_PATIENCE_RETRIES = 60


def enqueue(
    job: str, *args: int | str, job_id: str, settings: Settings | None = None, unless_waiting: str | None = None
) -> bool:
    """Queue a job by name unless its id is known already; tell whether it was queued. TransientError if nobody answers.

    `unless_waiting`: not either while a job waits whose id begins so.
    """
    settings = settings or load_settings()
    queue = rq.Queue(_queue_of(job), connection=_client(settings.redis_url), serializer=JSONSerializer)
    try:
        if unless_waiting and any(each.startswith(unless_waiting) for each in queue.get_job_ids()):
            return False
        queue.enqueue_call(
            job,
            args=args,
            job_id=job_id,
            unique=True,
            timeout=settings.job_timeout_seconds,
            ttl=WAIT_SECONDS,
            result_ttl=KEEP_FINISHED_SECONDS,
            failure_ttl=KEEP_FAILED_SECONDS,
        )
    except DuplicateJobError:
        return False
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise _unreachable() from error
    return True


def run_worker(*, burst: bool = False, settings: Settings | None = None) -> None:
    """Work until told to stop (SIGTERM, SIGINT: the job at hand is finished first), or in a burst until nothing waits."""
    settings = settings or load_settings()
    configure_logs(settings)
    # rq itself only waits for Redis between jobs; with this any command does.
    patience = Retry(ExponentialBackoff(cap=2, base=0.05), retries=WORKER_PATIENCE_RETRIES)
    with queue_server(settings), redis.Redis.from_url(settings.redis_url, retry=patience) as connection:
        try:
            worker = rq.Worker(QUEUES, connection=connection, serializer=JSONSerializer)
            worker.work(burst=burst, logging_level=settings.log_level)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise _unreachable() from error


@contextmanager
def queue_server(settings: Settings) -> Iterator[None]:
    """See to it that a queue server runs inside the block: ours where it is embedded, otherwise the operator's."""
    if not settings.uses_embedded_redis:
        yield
        return
    server = EmbeddedValkey(settings.home)
    server.keep_running()
    try:
        yield
    finally:
        server.stop()


def queue_answers(settings: Settings) -> bool:
    """Tell whether jobs can be queued now."""
    try:
        return bool(_client(settings.redis_url).ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def count_waiting(settings: Settings) -> dict[str, int]:
    """Return how many jobs wait in each queue."""
    client = _client(settings.redis_url)
    return {name: rq.Queue(name, connection=client, serializer=JSONSerializer).count for name in QUEUES}


def _unreachable() -> TransientError:
    return TransientError("The queue does not answer", code="queue-unreachable")


def _queue_of(job: str) -> str:
    return QUEUE_BY_MODULE[job.rpartition(".")[0]]


@lru_cache(maxsize=8)
def _client(url: str) -> redis.Redis:
    patience = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=3)
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, retry=patience)
