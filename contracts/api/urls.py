"""Addresses of contracts under /api/v1/."""

from rest_framework.routers import SimpleRouter

from contracts.api.contracts import ContractView
from contracts.api.lines import ContractLineView
from contracts.api.runs import RunView

router = SimpleRouter()
router.register("contracts", ContractView)
router.register("contract-lines", ContractLineView)
router.register("billing-runs", RunView)

urlpatterns = router.urls
