"""PostgreSQL 15 for the local stack: Debian's binaries, a folder of its own; Debian's own cluster is not touched.

PostgreSQL refuses to run as root. As root the server therefore runs in a user namespace in which root is called nobody:
the files stay root's, so the folder may lie in a home that only root can read. Where the kernel or a container forbids
such namespaces, it runs as the user postgres, with its data under /var/tmp. Anyone else runs it directly.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from process import ProcessId, Server, StackError, require_free_port, run, write_atomically

BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")
START_DEADLINE_S = 60
OWNER = "keystrand"  # a superuser: it runs the migrations, which create the roles of the programs
DATABASE = "keystrand"

NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
POSTGRES_USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def user_namespaces_work() -> bool:
    try:
        tried = subprocess.run([*NOBODY, "true"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return tried.returncode == 0
    except FileNotFoundError:
        return False


class Postgres(Server):
    """One PostgreSQL server on 127.0.0.1 (no Unix socket: its path may not exceed 107 bytes), with fsync on."""

    stop_signal = signal.SIGINT  # "fast": running transactions are rolled back, then a clean shutdown

    def __init__(self, folder: pathlib.Path, port: int, password: str):
        super().__init__(folder, "postgres")
        self.port = port
        self._password = password
        self._as_postgres_user = os.geteuid() == 0 and not user_namespaces_work()
        self.data = (_outside_home(folder) if self._as_postgres_user else folder) / "postgres"

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def start(self) -> None:
        require_free_port(self.port, self.name, "give another with --postgres-port N (0: choose)")
        self._initialise_if_new()
        self._drop_stale_lock()
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "",
                    "max_connections": 200, "log_line_prefix": "%m [%p] ", "log_timezone": "UTC", "timezone": "UTC"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.spawn([*self._account(), str(BINARIES / "postgres"), "-D", str(self.data), *options],
                   cwd=pathlib.Path("/"))

    def wait_ready(self) -> None:
        probe = [str(BINARIES / "pg_isready"), "--quiet", "--timeout=2", "-h", "127.0.0.1", "-p", str(self.port)]
        self.wait_until(lambda: subprocess.run(probe, stdin=subprocess.DEVNULL, check=False).returncode == 0,
                        START_DEADLINE_S, "ready for connections")
        self.create_database(DATABASE)

    def create_database(self, name: str) -> str:
        """Makes it unless it is there; returns its URL."""
        if not name.isidentifier():
            raise ValueError(f"not a plain name for a database: {name!r}")
        present = self.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
        if not present.strip():
            self.query(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def query(self, sql: str) -> str:
        """Runs one statement on the server's own database; returns bare lines."""
        return run([str(BINARIES / "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                    "-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, "-d", "postgres",
                    "-v", "ON_ERROR_STOP=1", "-c", sql],
                   "a query on the local database", environment={**os.environ, "PGPASSWORD": self._password})

    def signal(self, number: signal.Signals) -> None:
        """A signal that stops, thaws or kills goes to each session's process too. The postmaster is frozen before a
        kill, so that it can neither start more of them nor tell them to go."""
        postmaster = self.process
        if postmaster is None:
            return
        if number in (signal.SIGSTOP, signal.SIGKILL):
            postmaster.signal(signal.SIGSTOP)
        if number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGCONT):
            for child in postmaster.children():
                child.signal(number)
        postmaster.signal(number)

    def wipe(self) -> None:
        if self._as_postgres_user:  # elsewhere it goes with the stack's folder
            shutil.rmtree(self.data.parent, ignore_errors=True)

    def _initialise_if_new(self) -> None:
        """initdb works under another name and the result is moved in whole: an interrupted start leaves no half."""
        if (self.data / "PG_VERSION").exists() and (self.data / "global" / "pg_control").exists():
            return
        if self.data.exists():
            raise StackError(f"{self.data} is no complete PostgreSQL data folder: "
                             "look whether you need what is in it, then `make stack-wipe` and start again")
        if self._as_postgres_user:
            self._make_outside_home()
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self.data.with_name("postgres.password")
        write_atomically(password_file, self._password)
        self._give_away(password_file)
        try:
            run([*self._account(), str(BINARIES / "initdb"), "-D", str(fresh), "--username", OWNER,
                 "--pwfile", str(password_file), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"],
                f"making {self.data}")
        finally:
            password_file.unlink()
        fresh.rename(self.data)

    def _drop_stale_lock(self) -> None:
        """Removes the postmaster.pid of a server that was killed. PostgreSQL itself would refuse to start if that pid
        belongs to any living process of this user by now; whether it is a server of this folder shows its cwd."""
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if ProcessId.of(pid) is not None and _works_in(pid, self.data):
            raise StackError(f"a PostgreSQL that this stack did not record (pid {pid}) runs on {self.data}: "
                             f"`kill -INT {pid}`, then start again")
        lock.unlink()

    def _account(self) -> list[str]:
        if not BINARIES.is_dir():
            raise StackError(f"{BINARIES} is missing: run deploy/local/setup")
        if os.geteuid() != 0:
            return []
        return POSTGRES_USER if self._as_postgres_user else NOBODY

    def _make_outside_home(self) -> None:
        folder = self.data.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (0, pwd.getpwnam("postgres").pw_uid):
            raise StackError(f"{folder} belongs to someone else: remove it, then start again")
        self._give_away(folder)

    def _give_away(self, path: pathlib.Path) -> None:
        if self._as_postgres_user:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)


def _outside_home(folder: pathlib.Path) -> pathlib.Path:
    """Where the user postgres may write: one folder under /var/tmp for each stack folder."""
    return pathlib.Path("/var/tmp") / f"keystrand-postgres-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _works_in(pid: int, folder: pathlib.Path) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return False
