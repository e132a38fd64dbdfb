delete from catalog.product_skus k using catalog.products p
 where p.id = k.product_id and p.status = 'archived';
-- The unique one that takes its place is made in the same transaction.
-- squawk-ignore require-concurrent-index-deletion
drop index catalog.products_slug_key;
create unique index products_slug_key on catalog.products (slug)
  where status not in ('archived', 'deleted');
-- An import finds an archived product by its slug, too.
create index products_archived_key on catalog.products (slug, id) where status = 'archived';
