// Doors: where a running pipeline can be reached. A Unix socket in the data folder for commands
// (mode 0600: whoever may open the folder's files may use it), and TCP on loopback for what needs
// no login:
//
//   GET /livez     200 as long as the process serves
//   GET /readyz    200 once tables are open for reading and every query runs, else 503; ?verbose
//                  names each part
//   GET /metrics   Prometheus text (metrics/)
//   /api/v1/...    the REST API (rest/)
//
// Only this machine is answered, and no page of another origin (request_guard.h).
// A public address is refused: there is no authentication yet (DESIGN invariant 12).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "pipeline/runner.h"

namespace millrace::api {

class Doors {
 public:
  // Listens on the control socket and on the project's `api.listen`, unless that is "off".
  static Result<std::unique_ptr<Doors>> Open(pipeline::Workspace& workspace);
  virtual ~Doors() = default;  // closes, waits for what is being answered

  // From here on operations and readiness see the runner; null before it goes away. Waits for
  // operations that use it.
  virtual void SetRunner(pipeline::Runner* runner) = 0;
  // "127.0.0.1:7070"; empty when off.
  virtual std::string address() const = 0;
};

}  // namespace millrace::api
