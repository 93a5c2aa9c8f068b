"""What a figure may rest on other than the truth: shortcuts and leaks, told before any figure."""

from models.audit.finding import Audit, Finding
from models.audit.shortcuts import audit_shortcuts

__all__ = ["Audit", "Finding", "audit_shortcuts"]
