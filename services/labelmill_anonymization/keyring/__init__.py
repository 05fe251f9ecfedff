"""Keys with ids: root keys outside of the database wrap the data keys of projects and subjects."""
