"""Addresses of interventions under /api/v1/."""

from rest_framework.routers import SimpleRouter

from interventions.api import work
from interventions.api.requests import InterventionView
from interventions.api.sectors import SectorView

router = SimpleRouter()
router.register("interventions", InterventionView)
router.register("intervention-types", work.TypeView)
router.register("intervention-templates", work.TemplateView)
router.register("tasks", work.TaskView)
router.register("sectors", SectorView)
router.register("technicians", work.TechnicianView)
router.register("installed-products", work.InstalledProductView)

urlpatterns = router.urls
