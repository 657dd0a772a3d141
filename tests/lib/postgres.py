"""postgres - a private PostgreSQL: the system's own server, on a free port of the loopback.

The server refuses to run as root, so there it runs as the user postgres that its package makes.
Data lies in a private folder and need not survive a crash: nothing is flushed to disk, unless the
server is to be `durable`, as one that people use is. The database of a test is made by `database`,
each from nothing; `url` names it with a superuser that needs no password.
"""
import glob
import os
import pwd
import re
import shutil
import signal

from lib import process

USER = "postgres"
SUPERUSER = "unstale"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
    "log_min_messages": "warning",
}
FLEETING = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def find_program(name):
    """The newest one installed: Debian keeps the server's programs away from PATH."""
    found = glob.glob("/usr/lib/postgresql/*/bin/" + name)
    if found:
        return max(found, key=lambda path: int(re.search(r"/(\d+)/bin/", path).group(1)))
    path = shutil.which(name)
    if path is None:
        raise process.Failed("PostgreSQL's %s is not installed (make deps does it)" % name)
    return path


def _as_user(arguments):
    if os.geteuid() != 0:
        return arguments
    # The wish to die with the runner is lost with the change of user, so it is made again after it.
    return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--pdeathsig", "QUIT",
            "--"] + arguments


def _let_through(folder):
    """A module's folder of its own is root's alone, and the server's lies inside it."""
    mode = os.stat(folder).st_mode
    if not mode & 0o001:
        os.chmod(folder, mode | 0o011)


class PostgresServer:
    def __init__(self, start=True, durable=False):
        self.settings = SETTINGS if durable else {**SETTINGS, **FLEETING}
        self.folder = process.private_folder("pg")
        self.data = os.path.join(self.folder, "data")
        self.port = process.free_port()
        self.log = os.path.join(self.folder, "postgres.log")
        self.child = None
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            _let_through(os.path.dirname(self.folder))
        self._run("initdb", "-D", self.data, "-U", SUPERUSER, "--auth", "trust", "--no-sync",
                  "--encoding", "UTF8", "--locale", "C.UTF-8")
        if start:
            self.start()

    def _run(self, program, *arguments):
        code, out, err = process.run(_as_user([find_program(program)] + list(arguments)),
                                     env=self._environment(), cwd=self.folder)
        if code != 0:
            raise process.Failed("%s failed:\n%s%s" % (program, out, err))
        return out

    def _environment(self):
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        env["LC_ALL"] = "C.UTF-8"
        return env

    def url(self, name="postgres"):
        return "postgresql://%s@127.0.0.1:%d/%s" % (SUPERUSER, self.port, name)

    def start(self, timeout=60):
        arguments = [find_program("postgres"), "-D", self.data, "-p", str(self.port)]
        for name, value in self.settings.items():
            arguments += ["-c", "%s=%s" % (name, value)]
        self.child = process.start(_as_user(arguments), log=self.log, env=self._environment(),
                                   cwd=self.folder)
        process.wait_until(self._answers, timeout,
                           lambda: "postgres is ready\n" + process.tail(self.log))

    def _answers(self):
        if self.child.poll() is not None:
            raise process.Failed("postgres ended with %d\n%s" %
                                 (self.child.returncode, process.tail(self.log)))
        code, _, _ = process.run([find_program("pg_isready"), "-q", "-d", self.url()],
                                 env=self._environment())
        return code == 0 and self._ours()

    def _ours(self):
        """The pid file is of the server that listens on this data: the port was not another's."""
        lines = process.read(os.path.join(self.data, "postmaster.pid")).splitlines()
        return len(lines) > 7 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready"

    def database(self, name):
        """Makes an empty database; returns its URL."""
        self.sql('CREATE DATABASE "%s"' % name)
        return self.url(name)

    def sql(self, statement, name="postgres"):
        return self._run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement,
                         self.url(name))

    def stop(self):
        """Ends sessions and the server; a transaction that is open is rolled back."""
        if self.child is not None:
            process.kill(self.child, signal.SIGINT)
