// ExtractedPage: a page of an API taken apart, and Pager: where the next one is. Not part of the
// module's interface.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "extract/spec.h"
#include "io/http_client.h"
#include "io/http_url.h"

namespace millrace::extract {

struct ExtractedRecord {
  std::string_view raw;  // in the page's body
  std::optional<std::string> key;
};

struct ExtractedPage {
  io::HttpReply reply;  // its body holds the records
  bool not_modified = false;
  std::vector<ExtractedRecord> records;
  std::optional<data::JsonScalar> cursor;        // the greatest of the page
  std::optional<data::JsonScalar> first_cursor;  // ordered sources: the first of the page
  std::string next;           // address or cursor of the next page, "" when there is none
  bool more = true;           // more_path did not say false
  uint64_t content_hash = 0;  // of the records' bytes
};

// Reads a 2xx or 304 reply. kDamaged: the body is not JSON (a repeat may help); kNotFound: there is
// nothing at `select`; kInvalidArgument: cursors that cannot be compared, or out of the order that
// was promised.
class PageReader {
 public:
  explicit PageReader(const HttpSource& source);
  Result<ExtractedPage> Read(io::HttpReply reply);

 private:
  Status ReadRecord(const data::JsonRecord& record, ExtractedPage& page) const;
  Status ReadCursor(const data::JsonScalar& value, ExtractedPage& page) const;
  Status ReadNext(ExtractedPage& page);

  const HttpSource& source_;
  data::JsonPage json_;
  std::vector<data::JsonPath> paths_;  // key, cursor: those there are
};

// The target of a Link header with rel "next" (RFC 8288), "" when there is none.
std::string NextLink(const std::vector<io::HttpHeader>& headers);

// Replaces or appends a query parameter; name and value are encoded.
void SetParameter(io::HttpUrl& url, std::string_view name, std::string_view value);

// Leads from page to page and ends in any case: an address or the content of a page seen twice is
// an error (kInvalidArgument), as is a step from https to http.
class Pager {
 public:
  // `url`: the configured address with its query.
  Pager(const HttpSource& source, io::HttpUrl url);

  // Of the first page.
  const io::HttpUrl& first() const { return current_; }
  // The page after `page`, the last one that was asked for; none when that was the end.
  Result<std::optional<io::HttpUrl>> Next(const ExtractedPage& page);

 private:
  bool IsLast(const ExtractedPage& page) const;
  Result<io::HttpUrl> Following(const ExtractedPage& page);

  const HttpSource& source_;
  io::HttpUrl current_;
  int64_t position_;   // page number or offset
  int64_t pages_ = 0;  // that Next was given
  std::set<uint64_t> seen_urls_;
  std::set<uint64_t> seen_contents_;
};

}  // namespace millrace::extract
