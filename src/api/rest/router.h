// Router: one HTTP request below /api/v1 to its route: the path is matched, parameters and body are
// checked against the table, the handler is called, and every failure is a problem (problem.h) that
// names what is wrong.
//
// Invariants
//   1. A handler only sees parameters the table allows: known, of their type, within their range.
//   2. A write has content type application/json, and a body of the route's shape when it has one.
//   3. Answers are valid UTF-8 whatever records and messages hold: other bytes become U+FFFD.
//
// Thread contract: Answer from any thread.
#pragma once

#include <atomic>
#include <memory>

#include "api/rest/live_values.h"
#include "api/rest/route.h"

namespace millrace::api::rest {

class Router {
 public:
  // Heavy routes that may run at once; further ones are answered 429.
  static constexpr int kHeavyMax = 4;

  Router(pipeline::Workspace& workspace, CancelToken& stopping)
      : workspace_(workspace), stopping_(stopping) {}

  // `runner` may be null: 503. It must live until the answer's stream has ended.
  io::HttpResponse Answer(const io::HttpRequest& request, pipeline::Runner* runner);

 private:
  io::HttpResponse Run(const io::HttpRequest& request, const Route& route,
                       std::map<std::string, std::string, std::less<>> values,
                       pipeline::Runner& runner);

  pipeline::Workspace& workspace_;
  CancelToken& stopping_;
  LiveValues live_;
  std::shared_ptr<std::atomic<int>> heavy_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace millrace::api::rest
