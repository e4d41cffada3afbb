// UsersService: the API itself, from request to response. See main.cc's help for the parameters.
//
//   GET /api/?results=N&page=P&seed=S[&nat=DE,JP][&inc=name,email][&pages=P]
//            [&registered=...][&step_ms=N]
//            [&faults=429=0.1:2,malformed=0.01]
//   GET /ledger     everything served so far, as JSON lines
//   GET /livez      "ok"
//
// Thread contract: Handle from any thread.
#pragma once

#include <atomic>
#include <vector>

#include "faults.h"
#include "io/clock.h"
#include "io/http_server.h"
#include "ledger.h"

namespace millrace::users {

inline constexpr int64_t kResultsMax = 5000;  // as the real API

struct ServiceOptions {
  std::vector<Fault> faults;  // of every request that does not bring its own
  uint64_t fault_seed = 1;
};

class UsersService {
 public:
  // Both outlive the service.
  UsersService(ServiceOptions options, Ledger& ledger, io::Clock& clock);
  io::HttpResponse Handle(const io::HttpRequest& request);

 private:
  struct Wish;  // what a request asks for

  io::HttpResponse ServePage(const io::HttpRequest& request);
  Result<Wish> Understand(const io::HttpRequest& request) const;
  io::HttpResponse Refuse(const io::HttpRequest& request, const Wish& wish, int status,
                          int64_t retry_after_s);
  io::HttpResponse Serve(const io::HttpRequest& request, const Wish& wish, const Fault* fault);

  const ServiceOptions options_;
  Ledger& ledger_;
  io::Clock& clock_;
  std::atomic<uint64_t> requests_;
};

}  // namespace millrace::users
