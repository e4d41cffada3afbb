// A small pipeline at work with its doors open, for tests of the API: a project in a folder of its
// own, two topics, a query with dead letters, two DAGs, a table.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/doors.h"
#include "data/json_value.h"
#include "io/http_client.h"

namespace millrace::api::rest {

struct TestReply {
  int status = 0;
  std::string body;
  std::vector<io::HttpHeader> headers;

  std::string Header(std::string_view name) const;
  data::JsonValue Json() const;  // null, and a failed test, when it is none
};

class TestingPipeline {
 public:
  TestingPipeline();
  ~TestingPipeline();

  pipeline::Runner& runner() { return *runner_; }
  pipeline::Workspace& workspace() { return *workspace_; }
  Doors& doors() { return *doors_; }
  std::string url(const std::string& path) const { return "http://" + doors_->address() + path; }

  // As a program would: JSON is announced when there is a body or the method writes.
  TestReply Ask(const std::string& method, const std::string& path, const std::string& body = {},
                std::vector<io::HttpHeader> headers = {});
  // "/api/v1" + path.
  TestReply Get(const std::string& path) { return Ask("GET", "/api/v1" + path); }
  TestReply Write(const std::string& method, const std::string& path, const std::string& body) {
    return Ask(method, "/api/v1" + path, body);
  }
  // The first bytes of an answer that does not end, at least up to `until`.
  std::string Listen(const std::string& path, std::string_view until);

  // Appends records to topic "raw" and waits until they are rows or dead letters.
  void Append(const std::vector<flow::OutRecord>& records);

 private:
  std::string folder_;
  std::unique_ptr<pipeline::Project> project_;
  std::unique_ptr<pipeline::Workspace> workspace_;
  std::unique_ptr<Doors> doors_;
  std::unique_ptr<pipeline::Runner> runner_;
  std::unique_ptr<io::HttpClient> client_ = io::MakeHttpClient();
};

}  // namespace millrace::api::rest
