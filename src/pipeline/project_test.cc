#include "pipeline/project.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "io/sim_file_system.h"
#include "pipeline/tasks.h"

namespace millrace::pipeline {
namespace {

constexpr std::string_view kHead = R"(millrace: 1
name: t
topics:
  raw:
    partitions: 2
    schema: id STRING, at TIMESTAMP, n INT
    event_time: at
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.t (id text PRIMARY KEY, n int);"
)";
constexpr int kHeadLines = 10;

class ProjectTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(fs_.CreateFolders("/p"));
    const auto file = fs_.OpenForWrite("/p/" + name, io::OpenMode::kTruncate);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE((*file)->Append(text));
  }

  // The problems of kHead and `rest`, their lines counted from the first of `rest`.
  std::vector<std::string> ProblemsOf(std::string_view rest) {
    Write("pipeline.yaml", fmt::format("{}{}", kHead, rest));
    Problems problems;
    LoadOptions options;
    options.environment = [](const std::string&) { return std::nullopt; };
    options.profile = profile_;
    options.now = TimestampUs(1767225600000000);  // 2026-01-01
    const auto project = LoadProject(fs_, "/p/pipeline.yaml", options, problems);
    const bool bad = std::ranges::any_of(problems, [](const Problem& p) { return !p.is_warning; });
    EXPECT_EQ(project.has_value(), !bad);
    std::vector<std::string> lines;
    for (Problem problem : problems) {
      if (problem.file == "/p/pipeline.yaml") problem.where.line -= kHeadLines;
      problem.file = problem.file.substr(3);
      lines.push_back(problem.ToString());
    }
    return lines;
  }

  void ExpectProblem(std::string_view rest, const std::string& start) {
    const std::vector<std::string> lines = ProblemsOf(rest);
    ASSERT_EQ(lines.size(), 1U) << rest << fmt::format("{}", fmt::join(lines, "\n"));
    EXPECT_EQ(lines[0].substr(0, start.size()), start) << rest;
  }

  io::SimFileSystem fs_;
  std::string profile_;
};

TEST_F(ProjectTest, AGoodOneHasNoProblems) {
  EXPECT_EQ(ProblemsOf("queries:\n  q: {sql: 'SELECT id, n FROM STREAM(raw)', into: k.t}\n"),
            std::vector<std::string>{});
}

TEST_F(ProjectTest, PlacesMistakesOfSqlWithinEveryKindOfScalar) {
  const std::string missing =
      ": error: [UNRESOLVED_COLUMN.WITH_SUGGESTION] there is no column nope";
  ExpectProblem("queries:\n  q:\n    sql: SELECT id, nope FROM STREAM(raw)\n    into: k.t\n",
                "pipeline.yaml:3:21" + missing);
  ExpectProblem("queries:\n  q:\n    sql: 'SELECT id, nope FROM STREAM(raw)'\n    into: k.t\n",
                "pipeline.yaml:3:22" + missing);
  ExpectProblem(
      "queries:\n  q:\n    into: k.t\n    sql: |\n      SELECT id,\n        nope\n"
      "      FROM STREAM(raw)\n",
      "pipeline.yaml:6:9" + missing);
  ExpectProblem(
      "queries:\n  q:\n    into: k.t\n    sql: |-\n      SELECT id, nope FROM STREAM(raw)\n",
      "pipeline.yaml:5:18" + missing);
  ExpectProblem(
      "queries:\n  q:\n    into: k.t\n    sql: |\n\n      SELECT id, nope FROM STREAM(raw)\n",
      "pipeline.yaml:6:18" + missing);
  // The lines of a folded scalar are joined: its beginning is the best that can be told.
  ExpectProblem(
      "queries:\n  q:\n    into: k.t\n    sql: >-\n      SELECT id,\n      nope FROM STREAM(raw)\n",
      "pipeline.yaml:5:7" + missing);
}

TEST_F(ProjectTest, PlacesMistakesOfSqlInItsFile) {
  Write("q.sql", "SELECT id,\n  nope\nFROM STREAM(raw)\n");
  ExpectProblem("queries:\n  q: {sql: q.sql, into: k.t}\n",
                "q.sql:2:3: error: [UNRESOLVED_COLUMN.WITH_SUGGESTION] there is no column nope");
}

// What depends on a file that cannot be read is not judged.
TEST_F(ProjectTest, AMissingFileIsOneMistake) {
  const std::string gone =
      "error: /p/gone.sql does not exist (a name that ends in .sql is read as a file)";
  ExpectProblem("queries:\n  q: {sql: gone.sql, into: k.t}\n", "pipeline.yaml:2:12: " + gone);
  ExpectProblem(
      "queries:\n  q:\n    sql: 'SELECT id FROM STREAM(raw)'\n    into: k.t\n"
      "    expect:\n      - {name: e, condition: gone.sql}\n",
      "pipeline.yaml:6:30: " + gone);
  ExpectProblem(
      "references:\n  r: {file: gone.csv, key: a}\n"
      "queries:\n  q:\n    sql: 'SELECT u.id, r.b AS n FROM STREAM(raw) u LEFT JOIN r ON "
      "u.id = r.a'\n    into: k.t\n",
      "pipeline.yaml:2:13: error: /p/gone.csv does not exist");
  ExpectProblem("dags:\n  d:\n    tasks:\n      a: {query: {sql: gone.sql, into: k.t}}\n",
                "pipeline.yaml:4:24: " + gone);
}

TEST_F(ProjectTest, EverySettingOfADagReachesTheScheduler) {
  Write("pipeline.yaml", fmt::format("{}{}", kHead, R"(
pools: {narrow: {slots: 2}}
dags:
  d:
    schedule: "30 0 2 * * *"
    time_zone: Europe/Berlin
    start: 2026-01-01T00:00:00Z
    end: 2026-12-31
    catch_up: all
    catch_up_age: 2d
    overlap: queue
    queue_max: 7
    max_active_runs: 3
    run_timeout: 1h
    paused: true
    tasks:
      a: {command: {argv: [ls]}}
      b:
        needs: [a]
        trigger_rule: one_failed
        retries: 4
        retry_delay: 3s
        retry_factor: 1.5
        retry_delay_max: 40s
        retry_jitter: 0.25
        timeout: 90s
        pool: narrow
        pool_slots: 2
        priority: 5
        command: {argv: [ls]}
      c: {needs: [b], trigger_rule: all_done, command: {argv: [ls]}}
)"));
  Problems problems;
  LoadOptions options;
  options.now = TimestampUs(1767225600000000);  // 2026-01-01
  const auto project = LoadProject(fs_, "/p/pipeline.yaml", options, problems);
  ASSERT_TRUE(project) << fmt::format("{}", problems.size());
  const schedule::DagSpec& dag = project->dags[0];
  // 02:00:30 of Berlin's winter.
  EXPECT_EQ(dag.timetable.NextAfter(options.now), options.now + 3'630'000'000);
  EXPECT_EQ(dag.start, options.now);
  EXPECT_EQ(dag.end, options.now + int64_t{364} * 86'400'000'000);
  EXPECT_EQ(dag.catch_up.kind, schedule::CatchUpPolicy::Kind::kAll);
  EXPECT_EQ(dag.catch_up.max_age, std::chrono::hours(48));
  EXPECT_EQ(dag.overlap.kind, schedule::OverlapPolicy::Kind::kQueue);
  EXPECT_EQ(dag.overlap.queue_max, 7);
  EXPECT_EQ(dag.max_active_runs, 3);
  EXPECT_EQ(dag.run_timeout, std::chrono::hours(1));
  EXPECT_TRUE(dag.starts_paused);
  const schedule::TaskSpec& task = dag.tasks[1];
  EXPECT_EQ(task.upstream, std::vector<std::string>{"a"});
  EXPECT_EQ(task.rule, schedule::TriggerRule::kOneFailed);
  EXPECT_EQ(task.retry.retries, 4);
  EXPECT_EQ(task.retry.delay, std::chrono::seconds(3));
  EXPECT_EQ(task.retry.factor, 1.5);
  EXPECT_EQ(task.retry.delay_max, std::chrono::seconds(40));
  EXPECT_EQ(task.retry.jitter, 0.25);
  EXPECT_EQ(task.try_timeout, std::chrono::seconds(90));
  EXPECT_EQ(task.pool, "narrow");
  EXPECT_EQ(task.pool_slots, 2);
  EXPECT_EQ(task.priority, 5);
  EXPECT_EQ(dag.tasks[2].rule, schedule::TriggerRule::kAllDone);
}

TEST_F(ProjectTest, SlotsMustFitTheirPool) {
  ExpectProblem(
      "pools: {p: {slots: 2}}\ndags:\n  d:\n    tasks:\n      a:\n        pool: p\n"
      "        pool_slots: 3\n        command: {argv: ls}\n",
      "pipeline.yaml:7:21: error: task a takes 3 slots of pool p, which has 2");
}

TEST_F(ProjectTest, KnowsTheNamesOfTopicsTablesAndPools) {
  ExpectProblem("queries:\n  q:\n    sql: SELECT id FROM STREAM(rwa)\n    into: k.t\n",
                "pipeline.yaml:3:");
  ExpectProblem("queries:\n  q:\n    sql: SELECT id FROM STREAM(raw)\n    into: k.tt\n",
                "pipeline.yaml:4:11: error: query q: no table or topic \"k.tt\" (did you mean "
                "\"k.t\"?)");
  ExpectProblem(
      "dags:\n  d:\n    tasks:\n      a:\n        http: {url: 'https://x.test/', topic: rwa}\n",
      "pipeline.yaml:5:47: error: no topic \"rwa\" (did you mean \"raw\"?)");
  ExpectProblem("dags:\n  d:\n    tasks:\n      a:\n        pool: p\n        command: {argv: ls}\n",
                "pipeline.yaml:5:15: error: no pool \"p\" (declare it under pools:)");
}

TEST_F(ProjectTest, HoldsQueriesAgainstTheirTables) {
  ExpectProblem(
      "queries:\n  q:\n    sql: SELECT n FROM STREAM(raw)\n    into: k.t\n",
      "pipeline.yaml:4:11: error: query q gives no column \"id\", part of the primary key "
      "of k.t (add `... AS id` to its SELECT)");
  ExpectProblem("queries:\n  q:\n    sql: SELECT id, at AS n FROM STREAM(raw)\n    into: k.t\n",
                "pipeline.yaml:4:11: error: query q: column n of k.t: ");
  ExpectProblem("queries:\n  q:\n    sql: SELECT id, at FROM STREAM(raw)\n    into: k.t\n",
                "pipeline.yaml:4:11: warning: query q: column at is not kept by k.t");
  ExpectProblem(
      "queries:\n  q:\n    sql: SELECT id FROM STREAM(raw)\n    into: k.t\n    expect:\n"
      "      - {name: c, condition: id}\n",
      "pipeline.yaml:6:30: error: [DATATYPE_MISMATCH] condition c is string, not boolean");
}

TEST_F(ProjectTest, RefusesQueriesThatFeedThemselves) {
  const std::string stays = "pipeline.yaml:4:11: error: records would go round for ever: ";
  ExpectProblem("queries:\n  q:\n    sql: SELECT id FROM STREAM(raw)\n    into: raw\n",
                stays + "raw -> query q -> raw (");
  ExpectProblem(
      "queries:\n  q:\n    sql: SELECT id FROM STREAM(raw)\n    into: k.t\n    dead_letters: raw\n",
      stays + "raw -> query q -> raw (");
  ExpectProblem(
      "queries:\n  q:\n    sql: SELECT id FROM STREAM(raw)\n    into: k.t\n    late: raw\n",
      stays + "raw -> query q -> raw (");
  const std::string chain =
      "  mid: {schema: id STRING}\nqueries:\n"
      "  a: {sql: 'SELECT id FROM STREAM(raw)', into: mid}\n"
      "  b: {sql: 'SELECT id FROM STREAM(mid)', into: ";
  std::string head(kHead);
  const size_t tables = head.find("tables:");
  const std::string ddl = head.substr(tables);
  Problems problems;
  Write("good.yaml", head.substr(0, tables) + chain + "k.t}\n" + ddl);
  EXPECT_TRUE(LoadProject(fs_, "/p/good.yaml", {}, problems));
  Write("chain.yaml", head.substr(0, tables) + chain + "raw}\n" + ddl);
  EXPECT_FALSE(LoadProject(fs_, "/p/chain.yaml", {}, problems));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].message,
            "records would go round for ever: mid -> query b -> raw -> query a -> mid");
}

TEST_F(ProjectTest, RefusesResultsThatGoNowhereOrHaveOneNameTwice) {
  ExpectProblem("queries:\n  q:\n    sql: SELECT id FROM STREAM(raw)\n    into: []\n",
                "pipeline.yaml:4:11: error: query q writes nowhere");
  ExpectProblem(
      "queries:\n  q:\n    sql: SELECT id, n, n + 1 AS N FROM STREAM(raw)\n    into: k.t\n",
      "pipeline.yaml:4:11: error: query q: columns 2 and 3 of its result are both named "
      "\"N\"");
}

TEST_F(ProjectTest, WarnsOfTopicsThatAreNotNamedAsStreams) {
  ExpectProblem("queries:\n  q:\n    sql: SELECT id FROM raw\n    into: k.t\n",
                "pipeline.yaml:3:25: warning: [STREAM_NOT_NAMED] topic raw is read as a stream");
}

TEST_F(ProjectTest, AKeyOfAReferenceIsUnique) {
  const std::string project =
      "references:\n  c: {file: c.csv, key: [name], schema: 'name STRING, code INT'}\nqueries:\n"
      "  q: {sql: 'SELECT id, c.code AS n FROM STREAM(raw) LEFT JOIN c ON c.name = id', into: "
      "k.t}\n";
  Write("c.csv", "name,code\nItaly,1\n\n\"Re\npublic\",2\n,3\n,4\nItaly,5\n");
  ExpectProblem(project, "c.csv:8:1: error: reference c: lines 2 and 8 have the same key (Italy)");
  Write("c.csv", "name,code\nItaly,1\nPeru,two\n");
  ExpectProblem(project, "c.csv:3:1: error: reference c: line 3: column code: 'two' is not a INT");
  Write("c.csv", "name,code\nItaly,1\nPeru,2\n");
  EXPECT_EQ(ProblemsOf(project), std::vector<std::string>{});
}

TEST_F(ProjectTest, HoldsEventTimesAgainstSchemas) {
  Write("pipeline.yaml", "");
  Problems problems;
  Write("e.yaml",
        "millrace: 1\nname: t\ntopics:\n  a:\n    schema: id STRING\n    event_time: id\n"
        "  b:\n    schema: 'r STRUCT<at: TIMESTAMP>'\n    event_time: r.att\n"
        "  c:\n    schema: 'r STRUCT<at: TIMESTAMP>'\n    event_time: r.at\n");
  EXPECT_FALSE(LoadProject(fs_, "/p/e.yaml", {}, problems));
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(
      problems[0].ToString(),
      "/p/e.yaml:6:17: error: topic a: event time \"id\" is string, which cannot hold a point "
      "in time (declare it as TIMESTAMP in the topic's schema)");
  EXPECT_EQ(problems[1].where, (sql::Location{9, 17}));
}

// One mistake is said once, and hides no other.
TEST_F(ProjectTest, ReportsEveryMistakeOnceInTheOrderOfTheFile) {
  Write("e.yaml",
        "millrace: 1\nname: t\ndescription: ${MISSING:?}\nname: u\nlog: {segment_bytes: "
        "'${SIZE}'}\napi: {listen: '0.0.0.0:7070'}\n"
        "topics:\n  a:\n    schema: id STRING, at TIMESTAMP\n    event_time: att\n"
        "queries:\n"
        "  p: {sql: 'SELECT id, nope FROM STREAM(a)', into: k.u}\n"
        "  q: {sql: \"SELECT window(at, '1 minute').start AS at, count(*) AS n FROM STREAM(a) "
        "GROUP BY window(at, '1 minute')\", into: k.t}\n"
        "  r: {sql: '${SQL}', into: k.t}\n"
        "tables:\n"
        "  - \"CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', "
        "'replication_factor': 1};\"\n"
        "  - 'CREATE TABLE k.t (id txt PRIMARY KEY);'\n"
        "  - 'CREATE TABLE k.u (id int PRIMARY KEY);'\n");
  Problems problems;
  LoadOptions options;
  options.environment = [](const std::string&) { return std::nullopt; };
  EXPECT_FALSE(LoadProject(fs_, "/p/e.yaml", options, problems));
  std::string found;
  for (const Problem& problem : problems)
    found += fmt::format("{}: {}\n", problem.where.line, problem.message.substr(0, 40));
  EXPECT_EQ(found,
            "3: environment variable MISSING is not set\n"
            "4: key \"name\" stands here twice\n"
            "5: environment variable SIZE is not set\n"
            "6: 0.0.0.0 is not an address of this machin\n"
            "10: topic a: the schema has no \"att\"\n"
            "12: [UNRESOLVED_COLUMN.WITH_SUGGESTION] ther\n"
            "14: environment variable SQL is not set\n"
            "17: unknown type 'txt'\n");
}

TEST_F(ProjectTest, ReadsReferencesToTheirEnd) {
  Write("r.csv", "id,name\n1,a\n2,\"b\n");
  ExpectProblem("references:\n  r: {file: r.csv, key: [id]}\n", "r.csv:3:1: error: reference r: ");
}

TEST_F(ProjectTest, HoldsQueryTasksAgainstTheirTables) {
  const std::string start = "dags:\n  d:\n    tasks:\n      a:\n        query:\n";
  ExpectProblem(start + "          sql: SELECT n FROM raw\n          into: k.t\n",
                "pipeline.yaml:7:17: error: task a gives no column \"id\", part of the primary key "
                "of k.t");
  ExpectProblem(start + "          sql: SELECT id, id AS n FROM raw\n          into: k.t\n",
                "pipeline.yaml:7:17: error: task a: column n of k.t: ");
}

TEST_F(ProjectTest, ListensOnThisMachineOnly) {
  ExpectProblem("api: {listen: '0.0.0.0:7070'}\n", "pipeline.yaml:1:15: error: 0.0.0.0 is not");
  ExpectProblem("api: {listen: localhost}\n",
                "pipeline.yaml:1:15: error: \"localhost\" is not address:port");
  EXPECT_EQ(ProblemsOf("api: {listen: '[::1]:0'}\n").size(), 0U);
}

TEST_F(ProjectTest, RefusesSchedulesThatNeverFire) {
  const std::string tasks = "\n    tasks: {a: {command: {argv: ls}}}\n";
  EXPECT_EQ(ProblemsOf("dags:\n  d:\n    schedule: '*/15 * * * *'" + tasks).size(), 0U);
  ExpectProblem("dags:\n  d:\n    schedule: 0 0 31 2 *" + tasks,
                "pipeline.yaml:3:15: error: cron \"0 0 31 2 *\": ");
  ExpectProblem("dags:\n  d:\n    schedule: nonsense" + tasks,
                "pipeline.yaml:3:15: error: cron \"nonsense\": ");
  ExpectProblem("dags:\n  d:\n    time_zone: Europe/Berlim" + tasks, "pipeline.yaml:3:16: error: ");
}

TEST_F(ProjectTest, ATaskHasOneKindOfWork) {
  const std::vector<std::string> lines =
      ProblemsOf("dags:\n  d:\n    tasks:\n      a: {retries: 1}\n");
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0],
            "pipeline.yaml:4:7: error: task a has 0 kinds of work (give it exactly one of http, "
            "command, query)");
}

TEST_F(ProjectTest, ChecksTheTemplatesOfCommands) {
  const std::string task = "dags:\n  d:\n    tasks:\n      a:\n        command:\n          argv: ";
  ExpectProblem(
      task + "[echo, '{{ nofunc }}']\n",
      "pipeline.yaml:6:28: error: template: no variable 'nofunc': there are logical_date");
  ExpectProblem(task + "[echo, 'é {{ run_id | nofilter }}']\n",
                "pipeline.yaml:6:39: error: template: no function 'nofilter': there are add, ");
  ExpectProblem(task + "\n            - echo\n            - \"day={{ run_id\"\n",
                "pipeline.yaml:8:23: error: template: '{{' is not closed by '}}'");
  ExpectProblem(task + "[echo, '{{ cursor }}']\n",
                "pipeline.yaml:6:25: error: template: only http tasks have a cursor");
  ExpectProblem(task + "[echo]\n          environment: {A: '{{ x }}'}\n",
                "pipeline.yaml:7:32: error: template: no variable 'x'");
  ExpectProblem(task + "[]\n", "pipeline.yaml:6:17: error: argv names no program");
  EXPECT_EQ(ProblemsOf(task + "[echo, '{{ params.x | default(1) }}', '{{ params.y }}']\n").size(),
            0U);
}

TEST_F(ProjectTest, ARunGivesTheParametersItsTasksNeed) {
  Write("pipeline.yaml",
        fmt::format(
            "{}{}", kHead,
            "dags:\n  d:\n    tasks:\n"
            "      a: {command: {argv: [echo, '{{ params.x }}{{ params.y | default(1) }}']}}\n"
            "      b: {http: {url: 'https://x.test/{{ params.z }}', topic: raw}}\n"
            "  other: {tasks: {a: {command: {argv: [echo, '{{ params.w }}']}}}}\n"));
  Problems problems;
  const auto project = LoadProject(fs_, "/p/pipeline.yaml", {}, problems);
  ASSERT_TRUE(project) << project.error().ToString();
  EXPECT_TRUE(CheckRunParams(*project, "d", R"({"x": 1, "z": "q"})"));
  EXPECT_EQ(CheckRunParams(*project, "d", R"({"z": "q"})").error().message,
            "params.x is not given");
  EXPECT_EQ(CheckRunParams(*project, "d", R"({"x": "q"})").error().message,
            "params.z is not given");
}

TEST_F(ProjectTest, WarnsOfSecretsThatAreNotThere) {
  ExpectProblem(
      "dags:\n  d:\n    tasks:\n      a:\n        http:\n          url: 'https://x.test/'\n"
      "          topic: raw\n          auth: {kind: bearer, secret: env:SECRET}\n",
      "pipeline.yaml:8:40: warning: secret env:SECRET: the variable is not set here");
}

TEST_F(ProjectTest, AProfileSaysWhereTopicsAreAndRefusesWhatIsNotBuilt) {
  profile_ = "c";
  EXPECT_EQ(ProblemsOf("profiles:\n  c:\n    roles: {log: kafka}\n"
                       "    kafka: {bootstrap_servers: 'a:1,b:2'}\n"),
            std::vector<std::string>{});
  ExpectProblem("profiles:\n  c:\n    roles: {log: kafka}\n",
                "pipeline.yaml:3:18: error: profile c: role log is on kafka, but no cluster is "
                "named");
  ExpectProblem("profiles:\n  c:\n    roles: {engine: spark}\n",
                "pipeline.yaml:3:21: error: profile c: role engine on spark is not built yet");
  ExpectProblem(
      "profiles:\n  c:\n    roles: {log: kafka}\n    kafka:\n"
      "      bootstrap_servers: a:1\n      sasl: {mechanism: plain, user: u}\n",
      "pipeline.yaml:6:25: error: profile c: plain needs user and password");
  ExpectProblem("profiles:\n  d: {}\n", "pipeline.yaml");
}

TEST_F(ProjectTest, RepeatsAreMistakes) {
  ExpectProblem("tables: x.cql\n", "pipeline.yaml:1:1: error: key \"tables\" stands here twice");
}

TEST_F(ProjectTest, ProfilesSayWhereTablesAreAndRefuseByNameWhatIsNotBuilt) {
  const auto load = [&](std::string_view profile, std::string_view text, Problems& problems) {
    Write("pipeline.yaml", fmt::format("{}profiles:\n  p:\n{}", kHead, text));
    LoadOptions options;
    options.profile = profile;
    options.environment = [](const std::string&) { return std::nullopt; };
    return LoadProject(fs_, "/p/pipeline.yaml", options, problems);
  };
  Problems none;
  const auto project = load("p",
                            "    roles: {tables: cassandra}\n"
                            "    cassandra: {contact_points: [a, b], port: 9142, user: u, "
                            "password: 'env:P', consistency: quorum, retry_timeout: 2s}\n",
                            none);
  ASSERT_TRUE(project) << none.at(0).ToString();
  ASSERT_TRUE(project->cassandra);
  EXPECT_EQ(project->cassandra->client.contact_points, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(project->cassandra->client.port, 9142);
  EXPECT_EQ(project->cassandra->client.consistency, cql::wire::Consistency::kQuorum);
  EXPECT_EQ(project->cassandra->client.retry_timeout, std::chrono::seconds(2));
  EXPECT_EQ(project->cassandra->client.settings, "profiles.p.cassandra");
  EXPECT_FALSE(load("", "    roles: {tables: cassandra}\n", none)->cassandra);

  const std::pair<std::string_view, std::string_view> mistakes[] = {
      {"    roles: {tables: postgresql}\n",
       "profile p: role tables on postgresql is not built yet"},
      {"    roles: {tables: cassandra}\n    cassandra: {user: u}\n",
       "a login is a user and a password"},
      {"    roles: {tables: cassandra}\n    cassandra: {tls: {ca_file: none.pem}}\n",
       "no file /p/none.pem"},
  };
  for (const auto& [text, message] : mistakes) {
    Problems problems;
    EXPECT_FALSE(load("p", text, problems)) << text;
    ASSERT_EQ(problems.size(), 1U) << text;
    EXPECT_EQ(problems[0].message, message);
  }
}

}  // namespace
}  // namespace millrace::pipeline
