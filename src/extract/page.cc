#include "extract/page.h"

#include <algorithm>

#include "base/hash.h"
#include "extract/cursor.h"

namespace millrace::extract {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool EqualsLower(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Whether one of the space-separated relation types is "next".
bool HasNext(std::string_view relations) {
  while (!relations.empty()) {
    const size_t end = std::min(relations.find(' '), relations.size());
    if (EqualsLower(relations.substr(0, end), "next")) return true;
    relations.remove_prefix(std::min(end + 1, relations.size()));
  }
  return false;
}

// Takes the parameters of one link, up to the comma that ends it; true when one is rel=next.
bool TakeLinkParameters(std::string_view& text) {
  bool next = false;
  while (!text.empty() && text.front() != ',') {
    text.remove_prefix(1);  // ';' or what should be one
    const size_t name_end = std::min(text.find_first_of("=;,"), text.size());
    const std::string_view name = Trim(text.substr(0, name_end));
    text.remove_prefix(name_end);
    if (text.empty() || text.front() != '=') continue;
    text.remove_prefix(1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    std::string_view value;
    if (text.starts_with('"')) {
      const size_t close = std::min(text.find('"', 1), text.size() - 1);
      value = text.substr(1, close > 0 ? close - 1 : 0);
      text.remove_prefix(close + 1);
      text.remove_prefix(std::min(text.find_first_of(";,"), text.size()));
    } else {
      const size_t end = std::min(text.find_first_of(";,"), text.size());
      value = Trim(text.substr(0, end));
      text.remove_prefix(end);
    }
    if (EqualsLower(name, "rel") && HasNext(value)) next = true;
  }
  return next;
}

std::string NextOf(std::string_view header) {
  while (!header.empty()) {
    const size_t open = header.find('<');
    if (open == std::string_view::npos) return {};
    const size_t close = header.find('>', open);
    if (close == std::string_view::npos) return {};
    const std::string_view target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    if (TakeLinkParameters(header)) return std::string(target);
    if (!header.empty()) header.remove_prefix(1);
  }
  return {};
}

}  // namespace

std::string NextLink(const std::vector<io::HttpHeader>& headers) {
  for (const io::HttpHeader& header : headers) {
    if (!EqualsLower(header.name, "link")) continue;
    if (std::string next = NextOf(header.value); !next.empty()) return next;
  }
  return {};
}

void SetParameter(io::HttpUrl& url, std::string_view name, std::string_view value) {
  const std::string encoded = io::PercentEncode(name);
  std::string query;
  for (std::string_view rest = url.query; !rest.empty();) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.substr(0, part.find('=')) == encoded) continue;
    if (!query.empty()) query += '&';
    query += part;
  }
  if (!query.empty()) query += '&';
  url.query = query + encoded + "=" + io::PercentEncode(value);
}

PageReader::PageReader(const HttpSource& source) : source_(source) {
  if (source.key) paths_.push_back(*source.key);
  if (source.cursor) paths_.push_back(*source.cursor);
}

Result<ExtractedPage> PageReader::Read(io::HttpReply reply) {
  ExtractedPage page;
  page.reply = std::move(reply);
  page.not_modified = page.reply.status == 304;
  if (page.not_modified || page.reply.status == 204) return page;
  MR_TRY(json_.Load(page.reply.body));
  MR_TRY(json_.VisitRecords(source_.select, paths_, [&](const data::JsonRecord& record) {
    return ReadRecord(record, page);
  }));
  MR_TRY(ReadNext(page));
  return page;
}

Status PageReader::ReadRecord(const data::JsonRecord& record, ExtractedPage& page) const {
  ExtractedRecord extracted{record.raw, std::nullopt};
  if (source_.key && record.values[0]) extracted.key = std::move(record.values[0]->text);
  page.content_hash = Hash64(record.raw, page.content_hash);
  page.records.push_back(std::move(extracted));
  if (!source_.cursor || !record.values.back()) return {};
  return ReadCursor(*record.values.back(), page);
}

Status PageReader::ReadCursor(const data::JsonScalar& value, ExtractedPage& page) const {
  if (!page.cursor) {
    page.first_cursor = value;
    page.cursor = value;
    return {};
  }
  MR_ASSIGN(const bool after, IsAfter(value, *page.cursor));
  if (!after && source_.spec.cursor.ordered && value != *page.cursor)
    return Fail(
        ErrorCode::kInvalidArgument,
        "cursor '{}' comes after '{}': the records are not in the order cursor.ordered promises",
        value.text, page.cursor->text);
  if (after) page.cursor = value;
  return {};
}

Status PageReader::ReadNext(ExtractedPage& page) {
  const PaginateSpec& paginate = source_.spec.paginate;
  if (paginate.kind == PageKind::kLink) page.next = NextLink(page.reply.headers);
  if (!paginate.header.empty() && paginate.kind == PageKind::kCursor)
    if (const std::string* value = io::FindHeader(page.reply.headers, paginate.header))
      page.next = *value;
  if (source_.next) {
    MR_ASSIGN(auto next, json_.Find(*source_.next));
    // Some APIs end with "next": false.
    if (next && next->kind != data::JsonScalar::Kind::kBoolean) page.next = std::move(next->text);
  }
  if (source_.more) {
    MR_ASSIGN(const auto more, json_.Find(*source_.more));
    page.more = more && more->text != "false";
  }
  return {};
}

Pager::Pager(const HttpSource& source, io::HttpUrl url)
    : source_(source), current_(std::move(url)), position_(source.spec.paginate.start) {
  const PageKind kind = source_.spec.paginate.kind;
  if (kind == PageKind::kPage || kind == PageKind::kOffset)
    SetParameter(current_, source_.spec.paginate.parameter, std::to_string(position_));
  seen_urls_.insert(Hash64(current_.ToString()));
}

bool Pager::IsLast(const ExtractedPage& page) const {
  const PaginateSpec& paginate = source_.spec.paginate;
  if (paginate.kind == PageKind::kNone || page.not_modified || !page.more) return true;
  if (pages_ == paginate.pages) return true;  // pages_ is at least 1
  const bool follows = paginate.kind == PageKind::kNextUrl || paginate.kind == PageKind::kLink ||
                       paginate.kind == PageKind::kCursor;
  // A page without records may still name a next one; where pages are counted it is the end.
  if (follows) return page.next.empty();
  if (page.records.empty()) return true;
  return static_cast<int64_t>(page.records.size()) < paginate.page_size;
}

Result<io::HttpUrl> Pager::Following(const ExtractedPage& page) {
  const PaginateSpec& paginate = source_.spec.paginate;
  io::HttpUrl next = current_;
  switch (paginate.kind) {
    case PageKind::kPage:
      position_ += paginate.step;
      SetParameter(next, paginate.parameter, std::to_string(position_));
      return next;
    case PageKind::kOffset:
      position_ += paginate.step > 1 ? paginate.step : static_cast<int64_t>(page.records.size());
      SetParameter(next, paginate.parameter, std::to_string(position_));
      return next;
    case PageKind::kCursor:
      SetParameter(next, paginate.parameter, page.next);
      return next;
    default:
      break;
  }
  auto resolved = io::ResolveHttpUrl(current_, page.next);
  if (!resolved)
    return std::unexpected(std::move(resolved).error().WithContext("next page's address"));
  if (current_.scheme == "https" && resolved->scheme == "http")
    return Fail(ErrorCode::kInvalidArgument,
                "next page's address goes from https to http, which is refused");
  return resolved;
}

Result<std::optional<io::HttpUrl>> Pager::Next(const ExtractedPage& page) {
  if (!page.records.empty() && !seen_contents_.insert(page.content_hash).second) {
    auto loop =
        Fail(ErrorCode::kInvalidArgument, "{}: this page's records were all on an earlier page",
             current_.ToPublicString());
    loop.error().hint = "the API does not page as `paginate` says; nothing was committed";
    return loop;
  }
  ++pages_;
  if (IsLast(page)) return std::nullopt;
  MR_ASSIGN(current_, Following(page));
  if (!seen_urls_.insert(Hash64(current_.ToString())).second)
    return Fail(ErrorCode::kInvalidArgument, "{}: the pages lead back to an address already read",
                current_.ToPublicString());
  return current_;
}

}  // namespace millrace::extract
