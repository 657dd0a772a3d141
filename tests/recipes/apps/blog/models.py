from django.contrib.postgres.fields import ArrayField
from django.core.cache import cache
from django.db import models
from unstale.django import UnstaleManager


class Article(models.Model):
    """The row counts itself, and the count is in its key."""

    title = models.CharField(max_length=255)
    cache_version = models.PositiveIntegerField(default=1)

    objects = UnstaleManager()

    def save(self, *args, **kwargs):
        self.cache_version += 1
        super().save(*args, **kwargs)

    @property
    def cache_key(self):
        return f"article:{self.id}:v{self.cache_version}"


def get_article_data(article):
    data = cache.get(article.cache_key)
    if data is None:
        data = {"id": article.id, "title": article.title}
        cache.set(article.cache_key, data, timeout=60 * 60)
    return data


class Post(models.Model):
    title = models.CharField(max_length=255)
    tag_ids = ArrayField(models.IntegerField(), default=list)

    objects = UnstaleManager()


def get_posts_of_tag(tag_id):
    return cache.get_or_set(
        f"tag:{tag_id}:posts",
        lambda: list(Post.objects.filter(tag_ids__contains=[tag_id]).order_by("id")), 900)
