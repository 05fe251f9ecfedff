"""How the service is put together, one file an area: where adapters meet the domain."""
