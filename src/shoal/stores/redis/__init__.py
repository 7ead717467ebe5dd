"""State that many machines share: Redis or Valkey."""

from shoal.stores.redis.address import is_redis_url
from shoal.stores.redis.store import RedisStore

__all__ = ["RedisStore", "is_redis_url"]
