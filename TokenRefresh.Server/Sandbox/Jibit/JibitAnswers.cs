using System.Text.Json.Nodes;

namespace TokenRefresh.Server.Sandbox.Jibit;

/// <summary>
/// Jibit's answers: flat objects, errors as <c>code</c> and a Persian <c>message</c>. The document ties no code to a status;
/// the statuses here are the likeliest.
/// </summary>
internal static class JibitAnswers
{
    public static IResult InvalidBody => Error(400, "invalid.request_body");

    public static IResult InvalidCredentials => Error(401, "invalid.credentials");

    public static IResult RefreshTokenNotValid => Error(401, "refreshToken.not_valid");

    public static IResult InvalidPair => Error(401, "invalid.tokens_pair");

    public static IResult TokenRequired => Error(401, "token.is_required");

    public static IResult Forbidden => Error(403, "forbidden");

    public static IResult NoSuchRoute => Error(404, "handler.not_found");

    public static IResult DailyLimit => Error(429, "daily_limit.reached");

    public static IResult ServerError => Error(500, "server.error");

    public static IResult Unavailable => Error(503, "providers.not_available");

    public static IResult Balances => Json(200, new JsonObject
    {
        ["balances"] = new JsonArray(new JsonObject { ["balanceType"] = "PRF", ["currency"] = "RIALS", ["amount"] = 1_250_000 }),
    });

    public static IResult Required(string field) => Error(400, $"{field}.is_required");

    public static IResult LengthExceeded(string field) => Error(400, $"{field}.length_exceeded");

    public static IResult Tokens(NewPair pair) => Json(200, new JsonObject { ["accessToken"] = pair.AccessToken, ["refreshToken"] = pair.RefreshToken });

    public static JsonObject Error(string code) => new() { ["code"] = code, ["message"] = Message(code) };

    private static IResult Error(int status, string code) => Json(status, Error(code));

    private static IResult Json(int status, JsonObject answer) =>
        Results.Text(answer.ToJsonString(SandboxJson.Options), SandboxJson.ContentType, statusCode: status);

    private static string Message(string code) => code switch
    {
        "invalid.request_body" => "بدنه‌ی درخواست معتبر نیست",
        "invalid.credentials" => "کلید یا رمز نامعتبر است",
        "refreshToken.not_valid" or "invalid.tokens_pair" or "forbidden" => "توکن معتبر نیست",
        "handler.not_found" => "مسیر درخواست یافت نشد",
        "daily_limit.reached" => "سقف درخواست روزانه پر شده است",
        "server.error" => "خطای داخلی سرور",
        "providers.not_available" => "سرویس‌دهنده در دسترس نیست",
        _ => "درخواست ناقص یا نادرست است",
    };
}
