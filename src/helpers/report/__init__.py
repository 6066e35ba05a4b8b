"""From results to what is published: pages, the front page, the data beside them."""
