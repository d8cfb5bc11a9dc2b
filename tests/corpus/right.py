"""Right backward passes that look suspicious."""

from corpus import right_arguments, right_caches, right_kinks, right_numbers

RIGHT = right_kinks.RIGHT + right_numbers.RIGHT + right_arguments.RIGHT + right_caches.RIGHT
