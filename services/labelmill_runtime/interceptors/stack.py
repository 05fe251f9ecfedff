"""The order of the layers, outermost first."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.descriptor import FileDescriptor

from labelmill_runtime.access import Authenticator, Authorizer
from labelmill_runtime.interceptors.access_log import AccessLog
from labelmill_runtime.interceptors.authentication import Authentication
from labelmill_runtime.interceptors.authorization import Authorization
from labelmill_runtime.interceptors.call import Layer
from labelmill_runtime.interceptors.deadlines import Deadlines
from labelmill_runtime.interceptors.decoding import Decoding
from labelmill_runtime.interceptors.edge import Edge
from labelmill_runtime.interceptors.metrics import Metrics
from labelmill_runtime.interceptors.request_context import RequestContext
from labelmill_runtime.interceptors.validation import Validation
from labelmill_runtime.settings import RuntimeSettings


def layers(
    settings: RuntimeSettings, descriptors: Sequence[FileDescriptor], authenticator: Authenticator
) -> list[Layer]:
    """The layers of a server that serves these descriptors."""
    return [
        Edge(),  # outermost: nothing may leave unmapped
        RequestContext(),
        AccessLog(),
        Metrics(),
        Deadlines(settings.default_deadline_s, settings.default_stream_deadline_s),
        Authentication(authenticator),  # before parsing: strangers get none of our CPU
        Decoding(),
        Authorization(Authorizer(descriptors)),  # before validation: a stranger to the project learns nothing
        Validation(descriptors),
    ]
