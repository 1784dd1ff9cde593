"""A declarative GitOps reconciler for LLM gateways."""

__version__ = "0.1.0"
