"""Object stores: a local directory, MinIO and other S3 servers."""
