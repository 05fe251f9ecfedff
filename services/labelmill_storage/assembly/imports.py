"""Sources and imports."""

from __future__ import annotations

from labelmill.storage.v1 import (
    imports_service_pb2,
    imports_service_pb2_grpc,
)
from labelmill_storage.adapters.sources.import_buckets import Connection, ImportBuckets
from labelmill_storage.adapters.sources.import_roots import ImportRoots
from labelmill_storage.adapters.sources.source_places import SettledPlaces
from labelmill_storage.adapters.sql.sql_imports import SqlImports, SqlSources
from labelmill_storage.assembly.parts import Area, Parts
from labelmill_storage.imports.importing import Importer
from labelmill_storage.imports.rows import RowImport
from labelmill_storage.operations import run_import
from labelmill_storage.servicers.imports import ImportServicer
from labelmill_storage.transfers.ingest import Ingest


def imports(parts: Parts, ingest: Ingest) -> Area:
    """Everything about imports."""
    settings, data_dir = parts.settings, parts.context.settings.data_dir
    kept = (data_dir, settings.objects_dir, settings.spool_dir)  # never imported, whatever the roots are
    roots = ImportRoots(settings.import_roots, [folder for folder in kept if folder is not None])
    connection = Connection(
        settings.import_endpoint,
        settings.import_access_key,
        settings.import_secret_key,
        settings.import_secure,
        settings.import_region,
    )
    sources, items = SqlSources(parts.database, parts.tables), SqlImports(parts.database, parts.tables)
    places = SettledPlaces(roots, ImportBuckets(connection, settings.import_buckets))
    importer = Importer(ingest, parts.records, sources, items, places, parts.ids)
    runner = run_import.RunImport(sources, importer, parts.operations)
    messages = imports_service_pb2.RunImportRequest, imports_service_pb2.ImportMetadata
    parts.operations.register(run_import.KIND, runner.run, *messages, max_parallel=2)
    servicer = ImportServicer(
        sources=sources,
        items=items,
        places=places,
        imports=runner,
        rows=RowImport(ingest, parts.records),
        projects=parts.projects,
        request_log=parts.request_log,
        page_tokens=parts.context.page_tokens,
    )
    return Area(servicer, imports_service_pb2_grpc.add_ImportServiceServicer_to_server, imports_service_pb2.DESCRIPTOR)
