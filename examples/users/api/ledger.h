// Ledger: what the API was asked and what it served, one JSON object a line, appended before the
// answer goes out. From it a checker knows which pages a task try received, and can make each page
// again.
//
// A line: {"n":7,"at_ms":...,"dag":"users","run":"...","task":"...","try":"1","generation":"1",
//   "page_header":"3","status":200,"outcome":"whole","seed":"s","page":3,"results":2,"inc":4095,
//   "nat":"",
//   "registered_base_ms":...,"registered_step_ms":100,"malformed":0.001,"duplicate":0,"bytes":2810,
//   "records":[["<uuid>","<hash, 16 hex digits>",""],["<uuid>","<hash>","no_email"]]}
// `outcome`: whole, slow (whole, late), cut (nothing sent), truncated (half sent), invalid_json,
// error (no page). The X-Millrace-* headers of the request are kept as text, "" when absent.
//
// Thread contract: every function from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"
#include "io/http_server.h"
#include "page.h"

namespace millrace::users {

struct LedgerEntry {
  int64_t at_ms = 0;
  int status = 200;
  std::string_view outcome = "whole";
  const PageSpec* spec = nullptr;
  const Page* page = nullptr;  // none for an error
};

class Ledger {
 public:
  // An existing file is continued: a torn last line is cut off. An empty path: a temporary file
  // that goes with the process. With `sync`, a line survives a power cut, else the death of the
  // process only.
  static Result<std::unique_ptr<Ledger>> Open(const std::string& path, bool sync);

  Status Append(const LedgerEntry& entry, const io::HttpRequest& request);
  // Everything appended so far.
  Status CopyTo(io::ResponseStream& to);
  uint64_t lines() const;

 private:
  Ledger() = default;

  mutable std::mutex mutex_;
  std::unique_ptr<io::WritableFile> file_;
  std::unique_ptr<io::ReadableFile> reader_;
  uint64_t lines_ = 0;
  bool sync_ = false;
};

}  // namespace millrace::users
