"""Asks DuckDB and ClickHouse (chDB) the same questions of the same files; one line of JSON for each."""

import glob
import json
import resource
import sys
import time

TIMES = 3
THREADS = 2


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ask(engine, question, run):
    costs = []
    for _ in range(TIMES + 1):
        before, started = cpu(), time.monotonic()
        rows = run(question[engine])
        costs.append((cpu() - before, time.monotonic() - started, rows))
    spent, wall, rows = min(costs)
    print(json.dumps({"engine": engine, "question": question["name"], "cpu": spent, "wall": wall, "rows": rows}), flush=True)


def main():
    questions = json.load(open(sys.argv[1]))
    files = sys.argv[2] + "/**/*.parquet"

    import duckdb

    database = duckdb.connect()
    database.execute(f"SET threads = {THREADS}")
    database.execute("SET parquet_metadata_cache = true")
    database.execute("SET TimeZone = 'UTC'")
    database.execute(f"CREATE VIEW logs AS SELECT * FROM read_parquet('{files}', hive_partitioning = false)")
    for question in questions:
        ask("duckdb", question, lambda sql: len(database.execute(sql).fetchall()))

    from chdb import session

    clickhouse = session.Session()
    clickhouse.query(f"SET max_threads = {THREADS}")
    names = glob.glob(files, recursive=True)
    prefix = sys.argv[2]
    listed = ",".join(name[len(prefix) + 1:] for name in names)
    source = f"file('{prefix}/{{{listed}}}', Parquet)"
    settings = f" SETTINGS max_threads = {THREADS}"
    for question in questions:
        ask("chdb", question, lambda sql: rows_of(clickhouse.query(sql.replace("FROM logs", f"FROM {source}") + settings, "JSONCompactEachRow")))


def rows_of(answer):
    return len(answer.bytes().decode().splitlines())


main()
