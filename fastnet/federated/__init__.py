"""Federated learning with Flower: clients train on data that stays with them, a server averages their weights."""
from fastnet.federated.averaging import average
from fastnet.federated.client import LocalClient, client
from fastnet.federated.server import FedAvg, FedProx, simulate

__all__ = ["FedAvg", "FedProx", "LocalClient", "average", "client", "simulate"]
