"""Four hospitals train one network on digits that none of them shows to the others, with Flower.

python examples/federated_digits.py                     all four in this process
python examples/federated_digits.py server              a server, and in four other terminals, N from 0 to 3:
python examples/federated_digits.py client N

Each way ends with the same bits. Needs flwr and scikit-learn.
"""
import argparse
import hashlib
import logging
from typing import Any

import numpy as np
from flwr.common import ndarrays_to_parameters
from numpy.typing import NDArray

import fastnet
from fastnet import federated, nn

CLIENTS = 4
Arrays = list[NDArray[Any]]


def make_trainer() -> fastnet.Trainer:
    """A perceptron of 64 pixels, with the same first weights everywhere."""
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
    return fastnet.Trainer(model, "sgd", loss="cross_entropy", metrics=["accuracy"], lr=0.2)


def prepared(part: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The images of a part of the digits as rows from 0 to 1, and their classes."""
    images, labels = part
    return (images.reshape(-1, 64) / 16).astype(np.float32), labels


def make_client(number: int) -> Any:
    """A client that has few of most digits: sorted by class, each client has two of eight pieces."""
    x, y = prepared(fastnet.datasets.digits()[0])
    pieces = np.array_split(np.argsort(y, kind="stable"), 2 * CLIENTS)
    rows = np.concatenate([pieces[number], pieces[number + CLIENTS]])
    return federated.client(make_trainer(), x[rows], y[rows], epochs=2, batch_size=32, seed=number)


def make_strategy(mu: float) -> Any:
    """FedAvg, or FedProx for mu above 0, that waits for all clients and begins with the weights of `make_trainer`."""
    start = federated.LocalClient(make_trainer(), None).get_parameters({})
    options = {"min_fit_clients": CLIENTS, "min_evaluate_clients": CLIENTS, "min_available_clients": CLIENTS,
               "initial_parameters": ndarrays_to_parameters(start), "evaluate_fn": keep}
    return federated.FedProx(proximal_mu=mu, **options) if mu else federated.FedAvg(**options)


latest: Arrays = []                     # the server's model after the last round


def keep(server_round: int, arrays: Arrays, config: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Keep the server's model, and measure it on the test digits."""
    latest[:] = arrays
    tester = federated.LocalClient(make_trainer(), None, validation_data=prepared(fastnet.datasets.digits()[1]))
    loss, _, metrics = tester.evaluate(arrays, config)
    return loss, metrics


def show(name: str) -> None:
    """Print the accuracy of the server's model, and a checksum of its bits."""
    _, metrics = keep(0, latest, {})
    digest = hashlib.sha256(b"".join(a.tobytes() for a in latest)).hexdigest()[:16]
    print(f"{name}: test accuracy {metrics['accuracy']:.4f}, weights {digest}")


parser = argparse.ArgumentParser()
parser.add_argument("role", nargs="?", choices=("server", "client"))
parser.add_argument("number", nargs="?", type=int, default=0)
parser.add_argument("--address", default="127.0.0.1:8080")
parser.add_argument("--rounds", type=int, default=10)
parser.add_argument("--mu", type=float, default=0.0, help="weight of FedProx's term")
args = parser.parse_args()
logging.getLogger("flwr").setLevel(logging.ERROR)
if args.role == "client":
    from flwr.client import start_client
    start_client(server_address=args.address, client=make_client(args.number).to_client())
elif args.role == "server":
    from flwr.server import ServerConfig, start_server
    start_server(server_address=args.address, config=ServerConfig(num_rounds=args.rounds),
                 strategy=make_strategy(args.mu))
    show("over gRPC")
else:
    federated.simulate([make_client(number) for number in range(CLIENTS)], make_strategy(args.mu), args.rounds)
    show("in one process")
