#include "api/rest/testing_pipeline.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "io/file_system.h"

namespace millrace::api::rest {
namespace {

constexpr std::string_view kProject = R"(millrace: 1
name: t
description: <script>alert(1)</script>
api: {listen: "127.0.0.1:0"}
shutdown_timeout: 1s
topics:
  raw: {partitions: 2, schema: "id STRING, n INT", description: What came.}
queries:
  double:
    sql: SELECT id, n * 2 AS n FROM STREAM(raw)
    into: k.doubled
    expect:
      - {name: small, condition: n < 1000, message: too large}
    dead_letters: refused
dags:
  d:
    schedule: "@every 1h"
    catch_up: none
    tasks:
      hello: {command: {argv: [echo, hello]}}
  slow:
    schedule: "@every 1h"
    catch_up: none
    tasks:
      wait: {command: {argv: [sleep, "60"]}}
tables:
  - "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};"
  - "CREATE TABLE k.doubled (id text PRIMARY KEY, n int);"
)";

}  // namespace

std::string TestReply::Header(std::string_view name) const {
  const std::string* value = io::FindHeader(headers, name);
  return value == nullptr ? "" : *value;
}

data::JsonValue TestReply::Json() const {
  auto value = data::ParseJson(body);
  EXPECT_TRUE(value) << body.substr(0, 500);
  return value ? std::move(*value) : data::JsonValue{};
}

TestingPipeline::TestingPipeline() {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace_api_XXXXXX").string();
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
  io::FileSystem& fs = io::PosixFileSystem();
  EXPECT_TRUE(io::WriteFileAtomically(fs, folder_ + "/pipeline.yaml", kProject));
  pipeline::Problems problems;
  auto project = pipeline::LoadProject(fs, folder_ + "/pipeline.yaml", {}, problems);
  EXPECT_TRUE(project) << (problems.empty() ? "" : problems[0].ToString());
  project_ = std::make_unique<pipeline::Project>(std::move(*project));
  workspace_ = std::move(*pipeline::Workspace::Open(*project_, fs, io::SystemClock(), {}));
  doors_ = std::move(*Doors::Open(*workspace_));
  runner_ = std::move(*pipeline::Runner::Start(*workspace_, {.workers = 4}));
  doors_->SetRunner(runner_.get());
}

TestingPipeline::~TestingPipeline() {
  doors_->SetRunner(nullptr);
  runner_.reset();
  doors_.reset();
  workspace_.reset();
  std::filesystem::remove_all(folder_);
}

TestReply TestingPipeline::Ask(const std::string& method, const std::string& path,
                               const std::string& body, std::vector<io::HttpHeader> headers) {
  io::HttpExchange exchange;
  exchange.method = method;
  exchange.url = url(path);
  exchange.headers = std::move(headers);
  const bool typed = io::FindHeader(exchange.headers, "content-type") != nullptr;
  if (method != "GET" && !typed) exchange.headers.push_back({"Content-Type", "application/json"});
  exchange.body = body;
  auto reply = client_->Send(exchange);
  EXPECT_TRUE(reply) << method << " " << path << ": " << reply.error().ToString();
  if (!reply) return {};
  return {reply->status, std::move(reply->body), std::move(reply->headers)};
}

std::string TestingPipeline::Listen(const std::string& path, std::string_view until) {
  io::HttpExchange exchange;
  exchange.url = url(path);
  std::string bytes;
  exchange.on_body = [&](std::string_view more) -> Status {
    bytes += more;
    if (bytes.find(until) == std::string::npos) return {};
    return Fail(ErrorCode::kCancelled, "seen enough");
  };
  // Ends by the error above, or with the pipeline.
  static_cast<void>(client_->Send(exchange));
  return bytes;
}

void TestingPipeline::Append(const std::vector<flow::OutRecord>& records) {
  for (size_t i = 0; i < records.size(); ++i) {
    const PartitionId partition(static_cast<int32_t>(i % 2));
    EXPECT_TRUE(workspace_->log().Append("raw", partition, {&records[i], 1}));
  }
  EXPECT_TRUE(runner_->CatchUp(std::chrono::seconds(30)));
}

}  // namespace millrace::api::rest
