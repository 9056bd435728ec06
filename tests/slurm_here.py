"""
A real Slurm of two nodes with pretended GPUs, in private namespaces of this machine, and what goes wrong on it.

`python tests/slurm_here.py FAULT FOLDER`, started by `within`, brings the cluster up, runs a study on it while one
thing goes wrong, and ends when both verifiers agree about what is left.  Everything listens on a loopback that only the
namespace has, and all that was started dies with it.  Without words it says whether this machine has what it takes.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

import clusters
import faults
from faults import carried_out, ended, number_of, shell, until

NEEDED = ("sbatch", "squeue", "scancel", "slurmctld", "slurmd", "munged", "unshare", "ip", "mount", "timeout")
NAMESPACES = ("--net", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
NEVER_UP = 77
"""Exit status where this machine lets no such cluster come up, which says nothing of promo."""
RUN = Path("/mnt/slurm")
"""A socket's name has room for a hundred letters, and Slurm's daemons make theirs below it."""
NODES = ("a100-1", "l40s-1")
CONF = """
ClusterName=promo
SlurmctldHost=promo-test(127.0.0.1)
SlurmctldPort=26817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={run}/munge/sock
CredType=cred/munge
StateSaveLocation={run}/state
SlurmdSpoolDir={run}/spool/%n
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.%n.pid
SlurmctldLogFile={run}/slurmctld.log
SlurmdLogFile={run}/slurmd.%n.log
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
ReturnToService=2
SlurmdTimeout=15
KillWait=2
MinJobAge=600
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=DEFAULT CPUs=1 RealMemory=2000 State=UNKNOWN
NodeName=a100-1 NodeHostname=promo-test NodeAddr=127.0.0.1 Port=27001 Gres=gpu:a100:1
NodeName=l40s-1 NodeHostname=promo-test NodeAddr=127.0.0.1 Port=27002 Gres=gpu:l40s:1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=brief Nodes=ALL MaxTime=1 State=UP PriorityTier=1
PartitionName=first Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""
GRES = """
NodeName=a100-1 Name=gpu Type=a100 File=/dev/null
NodeName=l40s-1 Name=gpu Type=l40s File=/dev/zero
"""


def absent():
    """What this machine lacks for it; empty where it has everything."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = [tool for tool in NEEDED if shutil.which(tool, path=path) is None]
    if missing:
        return f"no {missing[0]} here (apt-get install slurmctld slurmd slurm-client munge iproute2)"
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no namespaces here"


def within(fault, folder, seconds=240):
    """What a fault came to, in namespaces of its own: exit status and what was said."""
    words = ["timeout", "-s", "KILL", str(seconds), "unshare", *NAMESPACES, sys.executable, __file__]
    words += [fault, str(folder)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


# --- inside ----------------------------------------------------------------------------------------------------------


def controller(run):
    shell("slurmctld", "-f", str(run / "slurm.conf"))


def node(name, run=RUN, *before):
    shell(*before, "slurmd", "-N", name, "-f", str(run / "slurm.conf"))


def up(run=RUN):
    """Bring the cluster up in a folder that only this namespace has, and whose name is short."""
    shell("mount", "-t", "tmpfs", "none", str(run.parent))
    os.environ["PATH"] += os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"
    os.environ["SLURM_CONF"] = str(run / "slurm.conf")
    for name in ("state", "spool", "munge"):
        (run / name).mkdir(parents=True)
    run.parent.chmod(0o755)
    (run / "munge").chmod(0o711)
    (run / "slurm.conf").write_text(CONF.format(run=run))
    (run / "gres.conf").write_text(GRES)
    (run / "hosts").write_text("127.0.0.1 localhost promo-test\n")
    names = Path("/etc/nsswitch.conf").read_text().splitlines()
    kept = [line for line in names if not line.startswith("hosts")]
    (run / "nss").write_text("\n".join(["hosts: files", *kept]) + "\n")
    shell("ip", "link", "set", "lo", "up")
    shell("ip", "addr", "add", "10.99.0.1/32", "dev", "lo")  # else the resolver takes it that there is no IPv4
    shell("hostname", "promo-test")
    shell("mount", "--bind", str(run / "hosts"), "/etc/hosts")
    shell("mount", "--bind", str(run / "nss"), "/etc/nsswitch.conf")
    (run / "munge" / "key").write_bytes(os.urandom(1024))
    (run / "munge" / "key").chmod(0o600)
    munge = {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    shell("munged", "--force", *(f"--{word}={run / 'munge' / name}" for word, name in munge.items()))
    controller(run)
    for name in NODES:
        node(name, run)
    until(all_idle)


def all_idle():
    return shell("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * 6  # once a partition


def jobs(state):
    """Numbers of jobs in a state."""
    return shell("squeue", "-h", "-a", "-t", state, "-o", "%A").split()


def on_second_node(number):
    """Whether a process is a task on the second node of its job; srun, which starts it, is on the first."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(number).environ().get("SLURM_NODEID") == "1"
    return False


class Faults(faults.Faults):
    """What goes wrong on any engine, and on Slurm alone."""

    _supervisor = "promo.run.attend"
    _nodes = NODES

    def _known(self):
        return shell("squeue", "-h", "-a", "-r", "-t", "PENDING,RUNNING,COMPLETING", "-o", "%i").split()

    def _number(self, kind="%i"):
        """What Slurm calls the job of the long candidate: in its array, or by a number of its own (%A)."""
        stem, _, place = self._first().job.rpartition("-")
        rows = (line.split("|") for line in shell("squeue", "-h", "-a", "-r", "-o", f"{kind}|%j|%K").splitlines())
        (number,) = (row[0] for row in rows if row[1:] in ([stem, place], [f"{stem}-{place}", "N/A"]))
        return number

    def _call_off(self, attempt):
        assert attempt == self._first()
        shell("scancel", self._number())

    def _node_of(self, attempt):
        assert attempt == self._first()
        return shell("squeue", "-h", f"--job={self._number()}", "-o", "%N").strip()

    def _lose_sight(self, node):
        os.kill(int((self.run / f"slurmd.{node}.pid").read_text()), signal.SIGKILL)

    def _begin_node(self, name, *before):
        self._lose_sight(name)
        node(name, self.run, *before)
        until(all_idle)

    def preempted(self):
        promo = self._started()
        script = "#!/bin/sh\nsleep 4\n"
        for _ in range(2):
            words = ["sbatch", "--partition=first", "--gres=gpu:1", "--output=/dev/null"]
            subprocess.run(words, input=script, text=True, check=True, capture_output=True)
        ended(promo)
        return ["preempted", "ok"]

    def controller_lost_what_it_accepted(self):
        """
        The controller dies right after it has answered, and comes back without the job, or with one that has ended.

        A node refuses to begin that anew, and Slurm drains it for that; somebody resumes it.
        """
        promo = self._promo()
        until(lambda: clusters.attempts(self.study, "base") and jobs("all"))
        os.kill(int((self.run / "slurmctld.pid").read_text()), signal.SIGKILL)
        time.sleep(2)
        controller(self.run)
        while promo.poll() is None:
            states = {line.split()[0]: line for line in shell("sinfo", "-h", "-N", "-o", "%N %T").splitlines()}
            for name in [name for name, line in states.items() if "drain" in line]:
                shell("scontrol", "update", f"NodeName={name}", "State=RESUME")
            time.sleep(1)
        ended(promo)
        return  # what was saved by then is for the controller to say

    def controller_away(self):
        """The controller dies while jobs run that it has saved, and comes back."""
        promo = self._started()
        time.sleep(8)
        os.kill(int((self.run / "slurmctld.pid").read_text()), signal.SIGKILL)
        time.sleep(3)
        controller(self.run)
        ended(promo)
        return ["ok"]

    def controller_hangs(self):
        """
        It is there and says nothing: the study can be stopped all the same, and what goes on is taken up.

        What it was told meanwhile it carries out later, so that the job ends then.
        """
        promo = self._started()
        self._alone()
        controller_ = int((self.run / "slurmctld.pid").read_text())
        os.kill(controller_, signal.SIGSTOP)
        began = time.monotonic()
        code, stopped = clusters.command("stop", "trial.promo", folder=self.place)
        assert code == 0, stopped
        assert time.monotonic() - began < 60
        said = ended(promo, 130)
        assert f"promo run takes them up: {self._first().job}" in stopped
        assert "has not said that these jobs have ended" in said, said
        assert self._first().ending == "running"
        assert number_of(self._supervisor)
        os.kill(controller_, signal.SIGCONT)
        until(lambda: not self._known())
        ended(self._promo())
        return ["gone", "ok"]

    def squeue_silent(self):
        """No question is answered from the first job on: ends are read from folders, and the silence is told."""
        tools = self.place / "tools"
        tools.mkdir()
        (tools / "squeue").write_text("#!/bin/sh\nexit 1\n")
        (tools / "squeue").chmod(0o755)
        before = os.environ["PATH"]
        os.environ["PATH"] = os.pathsep.join([str(tools), before])
        said = ended(self._promo())
        os.environ["PATH"] = before
        assert "the queue has not answered for" in said, said
        assert not self._lost()

    def element_cancelled_that_waits(self):
        """Slurm without a database forgets an element that never began: it is lost as unknown, at no cost."""
        promo = self._promo()
        waits = until(lambda: shell("squeue", "-h", "-a", "-r", "-t", "PENDING", "-o", "%i").split())
        shell("scancel", waits[-1])
        ended(promo)
        assert {(one.loss.value, one.device_s) for one in self._lost()} == {("unknown", "0")}

    def odd_place(self):
        """Blanks, percent signs, quotes and letters of no alphabet of a shell in the path of everything."""
        other = self.place.parent / "100% größe & co, [x] 'q' $HOME"
        shutil.copytree(self.place, other)
        ended(clusters.process(*self.words, folder=other))
        assert clusters.sound(other / self.study.name)
        ended(self._promo())
        return ["ok"]

    def image_without_pyxis(self):
        """What takes images is a plug-in: where there is none, sbatch says so, and nothing was begun."""
        said = ended(self._promo(), 2)
        assert "Slurm refuses the job: sbatch: unrecognized option '--container-image=alpine'" in said, said
        assert not jobs("all")
        options = self.place / "trial.promo"
        options.write_text(options.read_text().replace('  option image = "alpine"\n', ""))
        shutil.rmtree(self.study)
        clusters.command("freeze", "trial.promo", "--again", folder=self.place)
        ended(self._promo())

    def node_failed(self):
        promo = self._started()
        self._lose_sight(self._node_of(self._first()))
        ended(promo)
        return ["node", "ok"]

    def step_daemon_killed(self):
        """Slurm calls a job running whose daemon is dead; its supervisor writes how it ends."""
        promo, number = self._started(), self._number("%A")
        for one in faults.number_of("slurmstepd: [" + number):
            os.kill(one, signal.SIGKILL)
        ended(promo)
        return ["ok"]

    def site_limit(self):
        promo = self._started()
        ended(promo)
        return ["site limit", "ok"]

    def never_placed(self):
        """Slurm itself refuses what no node has; when one has it, the study begins."""
        assert "Slurm refuses the job" in ended(self._promo(), 2)
        assert not jobs("all")
        shell("scontrol", "update", f"NodeName={NODES[0]}", "AvailableFeatures=fast", "ActiveFeatures=fast")
        ended(self._promo())
        assert {(one.loss.value, one.device_s) for one in self._lost()} <= {("gone", "0")}

    def waits_for_ever(self):
        """Slurm takes what its partition never starts; promo says why, and the study goes on when that is put right."""
        promo = self._promo()
        until(lambda: jobs("PENDING"))
        time.sleep(35)
        shell("scontrol", "update", "PartitionName=brief", "MaxTime=INFINITE")
        said = ended(promo)
        assert said.count("Slurm says PartitionTimeLimit (it asks for more time than its partition allows") == 1, said
        assert not self._lost()

    def one_bad_node(self):
        """A node does not see the study's folder: after the first job there it gets no more, and the study ends."""
        hide = f'mount -t tmpfs none "{self.place}" && exec "$@"'
        self._begin_node(NODES[0], "unshare", "--mount", "sh", "-c", hide, "sh")
        said = ended(self._promo())
        assert f"FAILED on {NODES[0]}" in said, said
        assert {(one.loss.value, one.device_s) for one in self._lost()} == {("unbegun", "0")}
        every = shell("squeue", "-h", "-a", "-r", "-t", "all", "-S", "i", "-o", "%N %T").splitlines()
        assert set(every[3:]) == {f"{NODES[1]} COMPLETED"}, every  # all but those that were submitted together at first

    def requeued(self):
        """Somebody has the engine begin a running job anew, which it refuses: no second copy is ever started."""
        promo = self._started()
        done = subprocess.run(["scontrol", "requeue", self._number()], capture_output=True, text=True, check=False)
        assert "disabled" in done.stdout + done.stderr
        ended(promo)
        return ["ok"]

    def _in_front_of_sbatch(self, script):
        """A command of the site's that has what sbatch reads in a file, and its words as they are."""
        tools, real = self.place / "tools", shutil.which("sbatch")
        tools.mkdir()
        head = f'#!/bin/sh\ncd "{self.place}"\ncat >script.$$\nreal() {{ {real} "$@" <script.$$; }}\n'
        (tools / "sbatch").write_text(f"{head}{script}\n")
        (tools / "sbatch").chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([str(tools), os.environ["PATH"]])

    def submitted_without_an_answer(self):
        """Slurm takes the jobs, and nobody hears of it: they are found by their names, and none is submitted twice."""
        self._in_front_of_sbatch('real "$@" >/dev/null\necho "sbatch: error: Socket timed out" >&2\nexit 1')
        ended(self._promo())
        assert not self._lost()
        assert len(jobs("all")) == 4
        return ["ok"]

    def submitted_later(self):
        """Slurm gets jobs when promo has given them up: nobody begins them any more."""
        late = 'if mkdir late; then (sleep 15; real "$@") >/dev/null 2>&1 &\n'
        self._in_front_of_sbatch(late + 'echo "sbatch: error: Socket timed out" >&2; exit 1; fi\nreal "$@"')
        ended(self._promo())
        lost, begun = self._lost(), {path: path.read_bytes() for path in self.study.glob("runs/*/*/*/claim")}
        assert {(one.loss.value, one.device_s) for one in lost} == {("unknown", "0")}
        until(lambda: len(jobs("all")) == 4 + len(lost))
        until(lambda: not self._known())
        assert begun == {path: path.read_bytes() for path in self.study.glob("runs/*/*/*/claim")}

    def promo_killed_as_it_submits(self):
        """What Slurm takes from a promo that dies meanwhile is found by its name."""
        self._in_front_of_sbatch('mkdir dead && kill -9 $PPID\nreal "$@"')
        promo = self._promo()
        promo.communicate(timeout=60)
        assert promo.returncode == -signal.SIGKILL
        until(lambda: jobs("all"))
        ended(self._promo())
        assert not self._lost()
        assert len(jobs("all")) == 4
        return ["ok"]

    def _requeued(self, how):
        """A running job for which somebody has allowed what promo forbids: its number, when it waits again."""
        number = self._number("%A")
        shell("scontrol", "update", f"JobId={number}", "Requeue=1")
        shell("scontrol", how, number)
        until(lambda: "JobState=PENDING" in shell("scontrol", "show", "job", number))
        return number

    def requeued_all_the_same(self):
        """The engine begins it anew: the second copy touches nothing."""
        promo = self._started()
        number, place = self._requeued("requeue"), self.study / self._first().folder
        shell("scontrol", "update", f"JobId={number}", "StartTime=now")
        until(
            lambda: not {"JobState=PENDING", "JobState=RUNNING"} & {*shell("scontrol", "show", "job", number).split()}
        )
        assert "Restarts=1" in shell("scontrol", "show", "job", number)
        assert '"reason":"cancelled"' in (place / "exit.json").read_text()
        ended(promo)
        return ["gone", "ok"]

    def requeued_and_held(self):
        """It is to begin anew when somebody says so, which nobody does: its attempt is over all the same."""
        promo = self._started()
        self._requeued("requeuehold")
        ended(promo)
        return ["gone", "ok"]

    def requeued_and_held_without_a_word(self):
        """The same, where its supervisor's disk took no word of how it ended."""
        promo = self._started()
        (self.study / self._first().folder / "exit.json.part").mkdir()
        self._requeued("requeuehold")
        ended(promo)
        return ["wordless", "ok"]

    def node_daemon_back(self):
        """slurmd dies and is back before Slurm notices: its job goes on."""
        promo = self._started()
        name = self._node_of(self._first())
        self._lose_sight(name)
        time.sleep(2)
        node(name)
        ended(promo)
        return ["ok"]

    def host_gone(self):
        """All that a node did ends at once, as when its power fails."""
        promo = self._started()
        self._alone()
        node_, number = self._node_of(self._first()), self._number("%A")
        self._lose_sight(node_)
        for one in [*number_of("slurmstepd: [" + number), *number_of("promo.run.")]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        ended(promo)
        return ["node", "ok"]

    def by_three_commands(self):
        """The same cluster behind `executor submit`; somebody cancels a job there."""
        promo = self._started()
        shell("scancel", f"--name={self._first().job}")
        ended(promo)
        return ["called off", "ok"]

    def two_nodes(self):
        """Nothing goes wrong: each run has a process on both nodes, started by the job's own srun, and they meet."""
        ended(self._promo())
        for one in clusters.state(self.study).every_attempt():
            met = {path.name for path in (self.study / one.folder / "program").glob("node-*")}
            assert met == {"node-0-0-of-2", "node-1-0-of-2"}, met
        return ["ok"]

    def two_nodes_cancelled(self):
        """Its processes on both nodes hear of it one by one, and those of the second one are not promo's children."""
        promo = self._started()
        until(lambda: len(number_of("promo.run.rank")) > 1)  # srun's words have it too
        self._call_off(self._first())
        ended(promo)
        return ["called off", "ok"]

    def two_nodes_one_gone_at_the_start(self):
        """The one on which promo's supervisor does not run dies as the job begins: no process of the run is there."""
        promo = self._promo()
        number = until(lambda: self._running_number())
        first = shell("scontrol", "show", "job", number).partition("BatchHost=")[2].split()[0]
        (gone,) = {*NODES} - {first}
        self._lose_sight(gone)
        until(self._lost)
        node(gone)
        ended(promo)
        assert {one.loss.value for one in self._lost()} == {"node"}

    def _running_number(self):
        return shell("squeue", "-h", "-a", "-r", "-t", "RUNNING", "-o", "%A").strip().partition("\n")[0]

    def two_nodes_one_gone(self):
        """The one on which promo's supervisor does not run; Slurm needs its time to see that."""
        promo = self._started()
        log = self.study / self._first().folder / "log.txt"
        until(lambda: log.read_text().count("clock") == 2)  # of each node; one that ends earlier is a crash to srun
        (rank,) = (one for one in number_of("-m promo.run.rank") if on_second_node(one))
        gone = psutil.Process(rank).environ()["SLURMD_NODENAME"]
        daemons = [one.pid for one in psutil.Process(rank).parents() if "slurmstepd" in " ".join(one.cmdline())]
        self._lose_sight(gone)
        for one in [*daemons, rank]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        until(self._lost)
        node(gone)
        ended(promo)
        return ["node", "ok"]


WIDE = dict.fromkeys(
    ("two_nodes", "two_nodes_cancelled", "two_nodes_one_gone", "two_nodes_one_gone_at_the_start"), "  nodes    2\n"
)
PAUSES = dict.fromkeys(
    (
        "clock_off",
        "element_cancelled_that_waits",
        "folder_not_seen",
        "image_without_pyxis",
        "never_placed",
        "nothing",
        "odd_place",
        "promo_killed_as_it_submits",
        "one_bad_node",
        "submitted_later",
        "submitted_without_an_answer",
        "two_nodes",
        "two_nodes_one_gone_at_the_start",
        "two_studies",
        "waits_for_ever",
    ),
    0,
) | {
    "controller_away": 20,
    "controller_lost_what_it_accepted": 0,
    "disk_full": 15,
    "late_behind_the_end": 75,
    "node_daemon_back": 10,
    "promo_killed": 6,
    "requeued": 6,
    "promo_killed_and_they_end": 6,
    "promo_killed_while_they_wait": 0,
    "squeue_silent": 45,
    "step_daemon_killed": 6,
    "two_promos": 6,
}
"""How long the first attempt of one candidate takes longer than it has to, in seconds; 5 minutes by default."""
OPTIONS = {"site_limit": {"time": "1min"}, "never_placed": {"constraint": '"fast"'}} | {
    "waits_for_ever": {"partition": '"brief"', "time": "5min"},
    "image_without_pyxis": {"image": '"alpine"'},
}
SLOTS = dict.fromkeys(("element_cancelled_that_waits", "one_bad_node", "promo_killed_while_they_wait"), 3)


COMMANDS = {
    "submit": "sbatch --parsable --no-requeue --job-name={name} --chdir={folder} --output=supervisor.txt"
    " --partition=all --mem=100M --nodes={nodes} --ntasks-per-node={devices} {place}/job.sh {attend}",
    "number": "(?P<number>[0-9]+)",
    "poll": "squeue --noheader --me --states=all --format=%i|%j|%T|%r",
    "row": "(?P<number>[0-9]+)[|](?P<name>[^|]+)[|](?P<state>[A-Z_]+)[|](?P<reason>.*)",
    "queued": "PENDING|CONFIGURING",
    "running": "RUNNING|COMPLETING",
    "cancelled": "CANCELLED",
    "cancel": "scancel {number}",
    "variables": "SLURM_CONF",
}
"""What `executor submit` is told of this cluster."""


def main(fault, folder):
    engine = "submit" if fault == "by_three_commands" else "slurm"
    options = {"partition": '"all"', "gres": '"gpu:1"', "memory": '"100M"', "grace": "3s", **OPTIONS.get(fault, {})}
    if engine == "submit":
        script = Path(folder) / "job.sh"
        script.write_text('#!/bin/sh\nexec "$@"\n')
        options = {name: f'"{text}"'.replace("{place}", str(script.parent)) for name, text in COMMANDS.items()}
        options["grace"] = "3s"
    said = {"pause": PAUSES.get(fault, 300), "wide": WIDE.get(fault, ""), "slots": SLOTS.get(fault, 2)}
    carried_out(Faults, engine, fault, folder, RUN, options=options, left=("node_failed",), **said)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(absent() or 0)
    came_up = False
    try:
        up()
        came_up = True
        main(*sys.argv[1:])
    except BaseException as fault:
        for log in RUN.glob("*.log"):
            print(log.name, *log.read_text().splitlines()[-20:], sep="\n", file=sys.stderr)
        if came_up:
            raise
        print(f"{type(fault).__name__}: {fault}", file=sys.stderr)
        sys.exit(NEVER_UP)
