#!/usr/bin/env python3
"""Prints the address of the PostgreSQL for tests, if it answers: `make postgres`. Run by .venv's Python."""

import os
import sys

import psycopg

DEFAULT = "postgresql://root@127.0.0.1:5432/kehu"


def main():
    url = os.environ.get("KEHU_TEST_POSTGRES") or DEFAULT
    try:
        # The tests make a database of their own, test_kehu, starting from this one that every server has.
        with psycopg.connect(url, dbname="postgres", connect_timeout=5) as connection:
            may_create = connection.execute("select rolcreatedb or rolsuper from pg_roles where rolname = current_user")
            if may_create.fetchone() != (True,):
                sys.exit(said(url, "its user may not create databases"))
    except psycopg.Error as error:
        sys.exit(said(url, str(error).strip().splitlines()[0]))
    print(url)


def said(url, reason):
    shown = url.rpartition("@")[2]
    return (
        f"No PostgreSQL for tests at {shown}: {reason}\n"
        "Start one, or say where one is whose user may create databases:\n"
        "  KEHU_TEST_POSTGRES=postgresql://user:password@host:5432/kehu make check\n"
        f"没有可供测试的 PostgreSQL（{shown}）。请启动一个，或用 KEHU_TEST_POSTGRES 指明地址（该用户须有建库权限）。"
    )


if __name__ == "__main__":
    main()
