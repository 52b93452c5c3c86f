"""Django's admin, with the site of the office."""

from django.contrib.admin.apps import AdminConfig


class OfficeAdminConfig(AdminConfig):
    default_site = "openfire_billing.office.site.OfficeSite"
