"""The routes, each with and without its trailing slash: a redirect would lose a POST."""

from __future__ import annotations

from django.urls import re_path

from filesvc import documents, metrics, views

urlpatterns = [
    re_path(r"^$", views.IndexView.as_view()),
    re_path(r"^upload/?$", views.UploadView.as_view()),
    re_path(r"^files/?$", views.FileListView.as_view()),
    re_path(r"^files/(?P<file_id>[^/]+)/?$", views.FileView.as_view()),
    re_path(r"^files/(?P<file_id>[^/]+)/content/?$", views.ContentView.as_view()),
    re_path(r"^files/(?P<file_id>[^/]+)/preview/?$", views.PreviewView.as_view()),
    re_path(r"^files/(?P<file_id>[^/]+)/reprocess/?$", views.ReprocessView.as_view()),
    re_path(r"^policy/?$", views.PolicyView.as_view()),
    re_path(r"^problems/?$", documents.ProblemListView.as_view()),
    re_path(r"^problems/(?P<code>[^/]+)/?$", documents.ProblemView.as_view()),
    re_path(r"^schema/?$", documents.SchemaView.as_view()),
    re_path(r"^docs/?$", documents.DocsView.as_view()),
    re_path(r"^metrics/?$", metrics.MetricsView.as_view()),
    re_path(r"^health/live/?$", views.LiveView.as_view()),
    re_path(r"^health/ready/?$", views.ReadyView.as_view()),
]
