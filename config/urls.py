"""The routes of the service, and the handlers for errors that Django itself raises."""

from django.urls import include, path

urlpatterns = [path("", include("filesvc.urls"))]

handler400 = "errors.handler.handle_400"
handler403 = "errors.handler.handle_403"
handler404 = "errors.handler.handle_404"
handler500 = "errors.handler.handle_500"
