"""Which bulk jobs of an instance are under way in Salesforce. Kept so that a crash leaves none behind unknown."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from sidecar.bulk_log import KEPT_FOR, KnownJob
from sidecar.store.lane import LeasedLane
from sidecar.store.tables import bulk_jobs

OPEN = "open"
CLOSED_KEPT_FOR = timedelta(days=30)


class SqlBulkJobs:
    """The JobLog of `sidecar/bulk_log.py` on our database."""

    def __init__(self, lane: LeasedLane) -> None:
        self._lane = lane

    def is_free(self) -> bool:
        """See JobLog."""
        others = select(bulk_jobs.c.id).where(
            bulk_jobs.c.instance_id == self._lane.scope.instance_id,
            bulk_jobs.c.lane != self._lane.scope.lane,
            bulk_jobs.c.state == OPEN,
            bulk_jobs.c.made_at > self._lane.now() - KEPT_FOR,
        )
        with self._lane.database.read() as connection:
            return connection.execute(others.limit(1)).first() is None

    def opened(self, job_id: str, kind: str, object_name: str, row_count: int) -> None:
        """See JobLog."""
        now, scope = self._lane.now(), self._lane.scope
        row = {
            "instance_id": scope.instance_id,
            "lane": scope.lane,
            "kind": kind,
            "object": object_name,
            "job_id": job_id,
            "state": OPEN,
            "row_count": row_count,
            "made_at": now,
            "finished_at": None,
        }
        old = (bulk_jobs.c.instance_id == scope.instance_id) & (bulk_jobs.c.finished_at < now - CLOSED_KEPT_FOR)
        with self._lane.write() as connection:
            connection.execute(delete(bulk_jobs).where(old))
            connection.execute(bulk_jobs.insert(), row)

    def closed(self, job_id: str, state: str) -> None:
        """See JobLog."""
        this = (bulk_jobs.c.instance_id == self._lane.scope.instance_id) & (bulk_jobs.c.job_id == job_id)
        values = {"state": state.lower(), "finished_at": self._lane.now()}
        with self._lane.write() as connection:
            connection.execute(update(bulk_jobs).where(this).values(values))

    def unfinished(self) -> list[KnownJob]:
        """See JobLog."""
        scope = self._lane.scope
        mine = (
            select(bulk_jobs)
            .where(
                bulk_jobs.c.instance_id == scope.instance_id,
                bulk_jobs.c.lane == scope.lane,
                bulk_jobs.c.state == OPEN,
            )
            .order_by(bulk_jobs.c.id)
        )
        oldest = self._lane.now() - KEPT_FOR
        with self._lane.database.read() as connection:
            return [KnownJob(row.job_id, row.kind, row.made_at < oldest) for row in connection.execute(mine)]

    def keep_alive(self) -> None:
        """See JobLog."""
        with self._lane.write():
            pass
