// The codec: what is written reads back equal, in both versions and every framing; what is cut,
// damaged or beyond a limit is refused and never read past its end.
#include <functional>

#include <gtest/gtest.h>

#include "cql/wire/frame_stream.h"
#include "cql/wire/request.h"
#include "cql/wire/response.h"

namespace millrace::cql::wire {
namespace {

using store::CqlKind;
using store::CqlType;

std::string Bytes(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

std::string TwoValues() {
  std::string values;
  AppendBytes(values, "abc");
  AppendBytes(values, std::nullopt);
  return values;
}

Frame FrameOf(std::string_view bytes) {
  const auto header = DecodeFrameHeader(bytes.substr(0, kFrameHeaderBytes), kBodyBytesMax);
  EXPECT_TRUE(header.has_value());
  return {*header, bytes.substr(kFrameHeaderBytes)};
}

const std::string kValues = TwoValues();

std::vector<Request> AllRequests() {
  QueryParameters full{.consistency = Consistency::kQuorum,
                       .value_count = 2,
                       .values = kValues,
                       .skip_metadata = true,
                       .page_rows = 100,
                       .paging_state = "state",
                       .serial_consistency = Consistency::kLocalSerial,
                       .write_us = 1'700'000'000'000'000};
  return {OptionsRequest{},
          StartupRequest{{{"CQL_VERSION", "3.0.0"}, {"COMPRESSION", "lz4"}}},
          AuthResponse{std::string_view("\0user\0word", 10)},
          AuthResponse{std::nullopt},
          QueryRequest{"SELECT 1", full},
          PrepareRequest{"SELECT ?"},
          ExecuteRequest{"id", "meta", full},
          BatchRequest{BatchType::kUnlogged,
                       {{true, "id", 2, kValues}, {false, "INSERT ...", 0, {}}},
                       {.consistency = Consistency::kOne, .write_us = 5}},
          RegisterRequest{{"STATUS_CHANGE", "SCHEMA_CHANGE"}}};
}

PreparedResult Prepared() {
  PreparedResult prepared{.id = "0123456789abcdef", .result_metadata_id = "meta"};
  prepared.variables = {{"ks", "t", "id", CqlType(CqlKind::kUuid)},
                        {"ks", "t", "tags", CqlType::Set(CqlType(CqlKind::kText))}};
  prepared.partition_key = {0};
  return prepared;
}

RowsResult Rows() {
  RowsResult rows;
  CqlType address(CqlKind::kUserType);
  address.name = "address";
  address.field_names = {"street", "zip"};
  address.arguments = {CqlType(CqlKind::kText), CqlType(CqlKind::kInt)};
  rows.metadata.columns = {
      {"ks", "t", "m", CqlType::Map(CqlType(CqlKind::kText), CqlType(CqlKind::kInt))},
      {"ks", "u", "a", CqlType::Tuple({address, CqlType(CqlKind::kTimestamp)})}};
  rows.metadata.column_count = 2;
  rows.metadata.paging_state = "next";
  rows.row_count = 1;
  rows.cells = kValues;
  return rows;
}

std::vector<Response> AllResponses() {
  ErrorResponse timeout{.kind = ErrorKind::kWriteTimeout,
                        .message = "late",
                        .consistency = Consistency::kQuorum,
                        .received = 1,
                        .required = 2,
                        .write_type = "SIMPLE"};
  ErrorResponse failure = timeout;
  failure.kind = ErrorKind::kReadFailure;
  failure.write_type = {};
  failure.failures = 1;
  failure.reasons = {{Bytes({127, 0, 0, 1}), uint16_t{2}}};
  return {
      ErrorResponse{.kind = ErrorKind::kSyntax, .message = "line 1:2"},
      timeout,
      failure,
      ErrorResponse{
          .kind = ErrorKind::kUnavailable, .message = "few", .received = 1, .required = 3},
      ErrorResponse{.kind = ErrorKind::kAlreadyExists, .keyspace = "ks", .name = "t"},
      ErrorResponse{.kind = ErrorKind::kUnprepared, .prepared_id = "0123456789abcdef"},
      ErrorResponse{
          .kind = ErrorKind::kFunctionFailure, .keyspace = "k", .name = "f", .arguments = {"int"}},
      ReadyResponse{},
      AuthenticateResponse{"org.apache.cassandra.auth.PasswordAuthenticator"},
      SupportedResponse{{{"COMPRESSION", {"lz4", "snappy"}}, {"CQL_VERSION", {"3.4.7"}}}},
      ResultBody{VoidResult{}},
      ResultBody{Rows()},
      ResultBody{KeyspaceResult{"ks"}},
      ResultBody{Prepared()},
      ResultBody{SchemaChange{"CREATED", "TABLE", "ks", "t"}},
      EventResponse{.type = "STATUS_CHANGE",
                    .change = "DOWN",
                    .address = Bytes({127, 0, 0, 1}),
                    .port = 9042},
      EventResponse{.type = "SCHEMA_CHANGE", .schema = {"DROPPED", "KEYSPACE", "ks"}},
      AuthChallenge{std::nullopt},
      AuthSuccess{"ok"}};
}

TEST(Wire, NumbersOfTheSpecification) {
  std::string out;
  AppendRequest(OptionsRequest{}, 4, 1, out);
  EXPECT_EQ(out, Bytes({0x04, 0, 0, 1, 0x05, 0, 0, 0, 0}));
  out.clear();
  AppendRequest(QueryRequest{"S", {.consistency = Consistency::kOne, .page_rows = 2}}, 4, -2, out);
  EXPECT_EQ(out, Bytes({0x04, 0, 0xff, 0xfe, 0x07, 0,    0, 0, 12, 0, 0,
                        0,    1, 'S',  0,    1,    0x04, 0, 0, 0,  2}));
  out.clear();
  AppendRequest(QueryRequest{"S", {.consistency = Consistency::kOne, .page_rows = 2}}, 5, 0, out);
  EXPECT_EQ(out.substr(9), Bytes({0, 0, 0, 1, 'S', 0, 1, 0, 0, 0, 0x04, 0, 0, 0, 2}));
  out.clear();
  AppendResponse(ReadyResponse{}, 5, 3, out);
  EXPECT_EQ(out, Bytes({0x85, 0, 0, 3, 0x02, 0, 0, 0, 0}));
}

TEST(Wire, RequestsReadBackEqual) {
  for (const uint8_t version : {4, 5}) {
    for (const Request& request : AllRequests()) {
      std::string out;
      AppendRequest(request, version, 9, out);
      const Frame frame = FrameOf(out);
      EXPECT_EQ(frame.header.body_bytes, frame.body.size());
      const auto decoded = DecodeRequest(frame.header, frame.body);
      ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
      EXPECT_EQ(decoded->index(), request.index());
      std::string again;
      AppendRequest(*decoded, version, 9, again);
      EXPECT_EQ(again, out);
    }
  }
}

TEST(Wire, ResponsesReadBackEqual) {
  for (const uint8_t version : {4, 5}) {
    for (const Response& response : AllResponses()) {
      std::string out;
      AppendResponse(response, version, 9, out, {"a warning"});
      const Frame frame = FrameOf(out);
      FrameExtras extras;
      const auto decoded = DecodeResponse(frame.header, frame.body, &extras);
      ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
      EXPECT_EQ(extras.warnings, std::vector<std::string>{"a warning"});
      std::string again;
      AppendResponse(*decoded, version, 9, again, extras.warnings);
      EXPECT_EQ(again, out);
    }
  }
}

// Every prefix of a body is malformed (a shorter list of values or rows never passes for a whole).
TEST(Wire, CutBodiesAreRefused) {
  for (const uint8_t version : {4, 5}) {
    for (const Request& request : AllRequests()) {
      std::string out;
      AppendRequest(request, version, 9, out);
      const Frame frame = FrameOf(out);
      for (size_t size = 0; size < frame.body.size(); ++size) {
        EXPECT_FALSE(DecodeRequest(frame.header, std::string(frame.body.substr(0, size))))
            << "request " << request.index() << " cut at " << size;
      }
    }
    for (const Response& response : AllResponses()) {
      std::string out;
      AppendResponse(response, version, 9, out);
      const Frame frame = FrameOf(out);
      const bool has_rows = frame.header.opcode == Opcode::kResult && frame.body[3] == 2;
      const size_t checked = has_rows ? frame.body.size() - kValues.size() : frame.body.size();
      for (size_t size = 0; size < checked; ++size) {
        EXPECT_FALSE(DecodeResponse(frame.header, std::string(frame.body.substr(0, size))))
            << "response " << response.index() << " cut at " << size;
      }
    }
  }
}

TEST(Wire, RowsAreWalkedAndNeverBeyondTheirEnd) {
  const RowsResult rows = Rows();
  RowCursor cursor(rows);
  ASSERT_TRUE(cursor.NextRow());
  EXPECT_EQ(cursor.Cell(), "abc");
  EXPECT_EQ(cursor.Cell(), std::nullopt);
  EXPECT_FALSE(cursor.NextRow());
  EXPECT_TRUE(cursor.ok());

  RowsResult cut = Rows();
  cut.cells = cut.cells.substr(0, cut.cells.size() - 1);
  RowCursor at(cut);
  EXPECT_TRUE(at.NextRow());
  EXPECT_FALSE(at.NextRow());
  EXPECT_FALSE(at.ok());
}

TEST(Wire, HugeCountsCostNothing) {
  // Rows: 2^31 - 1 rows of 65535 columns in a body of 20 bytes.
  const std::string body =
      Bytes({0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0});
  const FrameHeader header{.version = 4, .response = true, .opcode = Opcode::kResult};
  EXPECT_FALSE(DecodeResponse(header, body));
  // A type nested without end.
  std::string nested = Bytes({0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'k', 0, 1, 't', 0, 1, 'c'});
  for (int i = 0; i < 1000; ++i) nested += Bytes({0, 0x20});
  EXPECT_FALSE(DecodeResponse(header, nested));
}

TEST(Wire, ForeignTypesReadAsBlobs) {
  const std::string vector = "org.apache.cassandra.db.marshal.VectorType(...)";
  std::string option = Bytes({0x00, 0x20, 0x00, 0x00});
  AppendString(option, vector);
  ByteReader from(option);
  std::string foreign;
  EXPECT_EQ(ReadType(from, foreign), CqlType(CqlKind::kBlob));
  EXPECT_EQ(foreign, vector);
}

TEST(Segment, HasTheSpecificationsLayout) {
  std::string out;
  AppendSegment("frames", true, Compression::kNone, out);
  ASSERT_EQ(out.size(), 6u + 6u + 4u);
  EXPECT_EQ(out.substr(0, 3), Bytes({6, 0, 2}));
  EXPECT_EQ(out.substr(6, 6), "frames");
  // CRC24 of 06 00 02, and CRC32 of fa 2d 55 ca "frames", worked out apart from this code.
  EXPECT_EQ(out.substr(3, 3), Bytes({0x31, 0x39, 0x22}));
  EXPECT_EQ(out.substr(12), Bytes({0x2c, 0x04, 0x5d, 0xad}));
  const auto header = DecodeSegmentHeader(std::string_view(out).substr(0, 6), Compression::kNone);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->stored_bytes, 6u);
  EXPECT_TRUE(header->self_contained);
}

// All framings a connection can have.
struct Framing {
  const char* name;
  uint8_t version;
  std::function<void(FrameEncoder&, FrameDecoder&)> agree;
};

std::vector<Framing> AllFramings() {
  return {{"plain", 4, [](FrameEncoder&, FrameDecoder&) {}},
          {"lz4 bodies", 4,
           [](FrameEncoder& encoder, FrameDecoder& decoder) {
             encoder.CompressFrames();
             decoder.AllowCompressedFrames();
           }},
          {"segments", 5,
           [](FrameEncoder& encoder, FrameDecoder& decoder) {
             encoder.SwitchToSegments(Compression::kNone);
             decoder.SwitchToSegments(Compression::kNone);
           }},
          {"lz4 segments", 5, [](FrameEncoder& encoder, FrameDecoder& decoder) {
             encoder.SwitchToSegments(Compression::kLz4);
             decoder.SwitchToSegments(Compression::kLz4);
           }}};
}

// Small frames, an empty one, and one that needs several segments.
std::vector<std::string> SomeFrames(uint8_t version) {
  std::string large;
  for (int i = 0; large.size() < 300'000; ++i) large += std::to_string(i * 7919);
  std::vector<std::string> frames(5);
  AppendRequest(QueryRequest{"SELECT 1", {}}, version, 1, frames[0]);
  AppendRequest(OptionsRequest{}, version, 2, frames[1]);
  AppendRequest(QueryRequest{large, {}}, version, 3, frames[2]);
  AppendRequest(QueryRequest{std::string(1000, 'x'), {}}, version, 4, frames[3]);
  AppendRequest(QueryRequest{"SELECT 2", {}}, version, 5, frames[4]);
  return frames;
}

TEST(FrameStream, GivesBackWhatWasPutInHoweverItIsCut) {
  for (const Framing& framing : AllFramings()) {
    for (const size_t step : {size_t{1}, size_t{7}, size_t{4096}, size_t{1} << 20}) {
      FrameEncoder encoder;
      FrameDecoder decoder({});
      framing.agree(encoder, decoder);
      const std::vector<std::string> frames = SomeFrames(framing.version);
      std::string all;
      for (const std::string& frame : frames) all += frame;
      std::string sent;
      encoder.Append(all, sent);
      size_t next = 0;
      for (size_t at = 0; at < sent.size(); at += step) {
        decoder.Feed(std::string_view(sent).substr(at, step));
        while (true) {
          const auto frame = decoder.Next();
          ASSERT_TRUE(frame.has_value()) << framing.name << ": " << frame.error().message;
          if (!frame->has_value()) break;
          ASSERT_LT(next, frames.size());
          EXPECT_EQ((*frame)->body, std::string_view(frames[next]).substr(kFrameHeaderBytes));
          ++next;
        }
      }
      EXPECT_EQ(next, frames.size()) << framing.name;
    }
  }
}

TEST(FrameStream, DamageInSegmentsIsFoundInEveryByte) {
  for (const Compression compression : {Compression::kNone, Compression::kLz4}) {
    FrameEncoder encoder;
    encoder.SwitchToSegments(compression);
    std::string frame;
    AppendRequest(QueryRequest{std::string(100, 'q'), {}}, 5, 1, frame);
    std::string sent;
    encoder.Append(frame, sent);
    for (size_t at = 0; at < sent.size(); ++at) {
      std::string damaged = sent;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      FrameDecoder decoder({});
      decoder.SwitchToSegments(compression);
      decoder.Feed(damaged);
      EXPECT_FALSE(decoder.Next().has_value()) << "byte " << at;
    }
  }
}

TEST(FrameStream, LimitsAreKept) {
  std::string frame;
  AppendRequest(QueryRequest{std::string(2000, 'q'), {}}, 4, 1, frame);
  FrameDecoder small({.body_bytes_max = 1000});
  small.Feed(frame.substr(0, kFrameHeaderBytes));
  EXPECT_FALSE(small.Next().has_value());

  // A body that unpacks to more than is allowed is refused by what it says of itself.
  FrameEncoder encoder;
  encoder.CompressFrames();
  std::string packed;
  encoder.Append(frame, packed);
  FrameDecoder decoder({.body_bytes_max = 1000});
  decoder.AllowCompressedFrames();
  decoder.Feed(packed);
  EXPECT_FALSE(decoder.Next().has_value());

  FrameDecoder unagreed({});
  unagreed.Feed(packed);
  EXPECT_FALSE(unagreed.Next().has_value());
}

TEST(FrameStream, OtherProtocolsAreRefusedAtOnce) {
  FrameDecoder decoder({});
  decoder.Feed("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_FALSE(decoder.Next().has_value());
}

}  // namespace
}  // namespace millrace::cql::wire
