"""PostgreSQL servers beside the stack's own: a streaming standby, one whose disk is small, and a pooler in front."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

import psycopg

from postgres import BINARIES, NOBODY, OWNER, Postgres
from process import Server, free_port_block, run, stop_all
from throwaway import throwaway_folder

START_DEADLINE_S = 30
STOP_GRACE_S = 10
PGBOUNCER = pathlib.Path(__file__).resolve().parents[3] / ".local" / "pgbouncer" / "usr" / "sbin" / "pgbouncer"

# The file system goes away with the server, whose own it is; whoever may look into that process reaches it under /proc.
MOUNT = 'mount -t tmpfs -o size="$1",mode=777 keystrand-disk "$2" && shift 2 && exec "$@"'


class Standby(Postgres):
    """Follows `primary` by streaming, asynchronously: what the primary acknowledged may be missing here."""

    def __init__(self, folder: pathlib.Path, primary: Postgres):
        super().__init__(folder, free_port_block(1), primary._password)
        self._primary = primary

    def _initialise_if_new(self) -> None:
        if self.data.exists():
            return
        run([*self._account(), str(BINARIES / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(self._primary.port), "-U", OWNER,
             "-D", str(self.data), "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"],
            "copying the primary", environment={**os.environ, "PGPASSWORD": self._password})

    def stop_following(self) -> None:
        """From now on it learns nothing more. Returns when the connection to the primary has ended."""
        self.query("ALTER SYSTEM SET primary_conninfo = ''")
        self.query("SELECT pg_reload_conf()")
        self.wait_until(lambda: not self.query("SELECT 1 FROM pg_stat_wal_receiver").strip(), START_DEADLINE_S, "on its own")

    def promote(self) -> None:
        """Returns when it takes writes."""
        self.query("SELECT pg_promote()")


class SmallDisk(Postgres):
    """Has a tablespace `small` on a file system of so many bytes; its log of changes lies elsewhere, with room.

    Mounting needs root, or user namespaces for everyone (kernel.unprivileged_userns_clone, seccomp allow).
    """

    def __init__(self, folder: pathlib.Path, place: pathlib.Path, disk_bytes: int):
        super().__init__(folder, free_port_block(1), "small-disk")
        self._place = place
        self._disk_bytes = disk_bytes

    def spawn(self, argv: list[str], cwd: pathlib.Path | None = None) -> None:
        rights, account = ([], []) if os.geteuid() == 0 else (["--user", "--map-root-user"], NOBODY)
        super().spawn(["unshare", *rights, "--mount", "sh", "-c", MOUNT, "sh", str(self._disk_bytes), str(self._place),
                       *account, *argv], cwd)

    @property
    def disk(self) -> pathlib.Path:
        """The small file system, as seen from here."""
        return pathlib.Path(f"/proc/{self.process.pid}/root{self._place}")

    def create_tablespace(self) -> None:
        self.query(f"CREATE TABLESPACE small LOCATION '{self._place}'")


class PgBouncer(Server):
    """Debian's, in front of a PostgreSQL, for one user. `mode`: session or transaction."""

    def __init__(self, folder: pathlib.Path, server: Postgres, mode: str, user: str, password: str):
        super().__init__(folder, "pgbouncer")
        self.port = free_port_block(1)
        self._account = server._account()
        users = folder / "users.txt"
        users.write_text(f'"{user}" "{password}"\n')
        self._settings = folder / "pgbouncer.ini"
        self._settings.write_text(f"""[databases]
* = host=127.0.0.1 port={server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
pool_mode = {mode}
auth_type = scram-sha-256
auth_file = {users}
default_pool_size = 20
ignore_startup_parameters = extra_float_digits
""")

    def start(self) -> None:
        assert PGBOUNCER.exists(), f"{PGBOUNCER} is missing: run deploy/local/setup"
        self.spawn([*self._account, str(PGBOUNCER), str(self._settings)], cwd=pathlib.Path("/"))
        self.wait_until(lambda: "process up" in self.log_file.read_text(), START_DEADLINE_S, "up")


@contextlib.contextmanager
def standby_of(primary: Postgres) -> Iterator[Standby]:
    with throwaway_folder() as folder:
        standby = Standby(folder, primary)
        standby.start()
        standby.wait_ready()
        yield standby


@contextlib.contextmanager
def small_disk(place: pathlib.Path, disk_bytes: int) -> Iterator[SmallDisk]:
    """`place`: an empty folder to mount it on."""
    with throwaway_folder() as folder:
        server = SmallDisk(folder, place, disk_bytes)
        server.start()
        server.wait_ready()
        server.create_tablespace()
        yield server


@contextlib.contextmanager
def pooled(folder: pathlib.Path, server: Postgres, mode: str, user: str, password: str) -> Iterator[PgBouncer]:
    """`folder`: an empty one, for its settings and log."""
    pooler = PgBouncer(folder, server, mode, user, password)
    pooler.start()
    try:
        yield pooler
    finally:
        stop_all([pooler], STOP_GRACE_S)


def execute(url: str, *statements: str) -> None:
    """Each in a transaction of its own."""
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
