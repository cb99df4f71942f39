#!/bin/sh
# The role Kehu connects as: neither superuser nor BYPASSRLS, or row-level security would not bind it.
set -e
psql -v ON_ERROR_STOP=1 -U postgres -v password="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE kehu LOGIN PASSWORD :'password';
CREATE DATABASE kehu OWNER kehu;
SQL
