"""Offhook answers the phone: a self-hosted voice backend for Twilio Media Streams."""

import os

__version__ = "0.1.0"

# gRPC's own preparations for a fork crash the child (SIGSEGV before exec, with uvloop) where gRPC is busy:
# workers and the database would not start. It reads this when it is imported, which is after us.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
