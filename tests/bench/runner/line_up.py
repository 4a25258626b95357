"""Who takes part, in the order of their turns."""

from runner.peer_receivers import GoReceiver, Nginx, NodeReceiver
from runner.peer_workers import JavaWorker, PeerWorker
from runner.subjects import KeystrandReceiver, KeystrandWorker, Receiver, Worker

RECEIVERS: list[Receiver] = [KeystrandReceiver(), GoReceiver(), NodeReceiver(), Nginx()]
WORKERS: list[Worker] = [KeystrandWorker(), PeerWorker("go", "go-worker"), PeerWorker("node", "node/node", "node/worker.js"),
                         JavaWorker()]
BASELINE = GoReceiver.name  # what ratios in the table refer to
