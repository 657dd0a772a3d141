"""What the tutorials cache of users."""
from django.core.cache import cache
from django.db import transaction
from django.db.models import Sum
from django.template.loader import render_to_string
from unstale.django import publish

from .models import User, UserProfile


def get_user_profile(user_id):
    key = f"profile_{user_id}"
    profile = cache.get(key)
    if profile is None:
        profile = UserProfile.objects.get(user_id=user_id)
        cache.set(key, profile, 3600)
    return profile


def update_user_profile(user_id, data):
    """Write-through of an instance."""
    profile = UserProfile.objects.get(user_id=user_id)
    for key, value in data.items():
        setattr(profile, key, value)
    profile.save()
    cache.set(f"profile_{user_id}", profile, 3600)


def get_user(user_id):
    return cache.get_or_set(
        f"user:{user_id}", lambda: User.objects.values("id", "username", "email").get(pk=user_id))


def get_profile_data(user_id):
    key = f"user:{user_id}:profile"
    data = cache.get(key)
    if data is None:
        profile = UserProfile.objects.select_related("user").get(user_id=user_id)
        data = {"email": profile.user.email, "bio": profile.bio}
        cache.set(key, data, timeout=3600)
    return data


def get_dashboard_stats(user):
    key = f"dashboard:stats:{user.id}"
    stats = cache.get(key)
    if stats is None:
        orders = user.orders.all()
        stats = {
            "total_orders": orders.count(),
            "total_spent": orders.aggregate(total=Sum("total"))["total"] or 0,
            "pending_orders": orders.filter(status="pending").count(),
        }
        cache.set(key, stats, timeout=60 * 5)
    return stats


def get_navigation_html(user):
    key = f"nav:html:{user.id}:{user.updated_at.timestamp()}"
    html = cache.get(key)
    if html is None:
        html = render_to_string("partials/navigation.html", {
            "user": user,
            "permissions": sorted(user.get_all_permissions()),
        })
        cache.set(key, html, timeout=60 * 30)
    return html


def set_password(user, password, session_keys):
    """Logs the user out everywhere: nobody but the application knows the keys of its sessions."""
    with transaction.atomic():
        user.set_password(password)
        user.save()
        publish({"event": "post_save", "model": "accounts.User", "pk": user.pk, "created": False,
                 "changed": ["password"], "meta": {"session_keys": session_keys}})
