"""The routes of the views, for the table of routes that no RPC declares."""

from functools import partial

from crm_chassis.rpc.channels import Peers
from crm_gateway.http.table import HttpRoute
from crm_gateway.transcoding.exchange import Authenticate
from crm_gateway.transcoding.routes import Bindings, Bound
from crm_gateway.views.customer_view import CustomerView
from crm_gateway.views.document import describe_search, describe_view
from crm_gateway.views.search import Search

SERVICE = "crm.api.v1.CustomerService"
SECTIONS, SEARCH = f"/{SERVICE}/GetCustomerSections", f"/{SERVICE}/SearchService"


def view_routes(bindings: Bindings, peers: Peers, authenticate: Authenticate) -> list[HttpRoute]:
    """The customer view of each kind of customer, and the search."""
    return [
        *(
            _view_route(CustomerView(bound, peers, authenticate))
            for bound in _bound(bindings, SECTIONS)
        ),
        *(_search_route(Search(bound, peers, authenticate)) for bound in _bound(bindings, SEARCH)),
    ]


def _view_route(view: CustomerView) -> HttpRoute:
    return HttpRoute(
        "GET",
        view.template.document_path,
        view.answer,
        partial(describe_view, bound=view.bound, kind=view.kind),
        view.bound.method,
        view.template,
        view.explain,
    )


def _search_route(search: Search) -> HttpRoute:
    return HttpRoute(
        "GET",
        search.template.document_path,
        search.answer,
        partial(describe_search, bound=search.bound),
        search.bound.method,
        search.template,
        search.explain,
    )


def _bound(bindings: Bindings, path: str) -> list[Bound]:
    return [bound for bound in bindings.all if bound.method.path == path]
