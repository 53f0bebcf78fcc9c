using BenchmarkDotNet.Running;
using TokenRefresh.Bench;
using TokenRefresh.Bench.Chaos;

switch (args)
{
    case ["read", .. var rest]:
        BenchmarkRunner.Run<VaultReads>(args: rest);
        return 0;

    case ["freshness", var tableFile, var chartFile]:
        await Freshness.RunAsync(tableFile, chartFile);
        return 0;

    case ["log", var rows, var rounds, var resultFile, var plansFile]:
        await using (var pages = new LogPages(long.Parse(rows, System.Globalization.CultureInfo.InvariantCulture), int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture), resultFile, plansFile))
        {
            await pages.RunAsync();
        }

        return 0;

    case ["load", var tokens, var resultFile, .. var parts]:
        await using (var load = new Load(int.Parse(tokens, System.Globalization.CultureInfo.InvariantCulture), resultFile, parts))
        {
            await load.RunAsync();
        }

        return 0;

    case ["kills", var rounds, var tokens, var resultFile]:
        await using (var kills = new Kills(int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture), int.Parse(tokens, System.Globalization.CultureInfo.InvariantCulture), resultFile))
        {
            return await kills.RunAsync();
        }

    case ["scale", var tokens, var resultFile]:
        await using (var scale = new Scale(int.Parse(tokens, System.Globalization.CultureInfo.InvariantCulture), resultFile))
        {
            await scale.RunAsync();
        }

        return 0;

    case ["chaos", var minutes, var seed, var resultFile]:
        return await new ChaosRun(TimeSpan.FromMinutes(double.Parse(minutes, System.Globalization.CultureInfo.InvariantCulture)), int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture), resultFile).RunAsync();

    case ["failover", var rounds, var seed, var resultFile]:
        return await new FailoverRun(int.Parse(rounds, System.Globalization.CultureInfo.InvariantCulture), int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture), resultFile).RunAsync();

    case ["mutation", var area, var report, var lookedAt, var where, var resultFile]:
        Mutation.Write(area, report, lookedAt, where, resultFile);
        return 0;

    case ["bare-hangfire", var database, var provider, var jobs, var each]:
        await BareHangfire.RunAsync(database, provider, int.Parse(jobs, System.Globalization.CultureInfo.InvariantCulture), int.Parse(each, System.Globalization.CultureInfo.InvariantCulture));
        return 0;

    case ["bare", var url, var bodyFile]:
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls(url);
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        var body = File.ReadAllBytes(bodyFile);
        app.UseRouting();
        app.MapGet("/bare", context =>
        {
            context.Response.ContentType = "application/json";
            context.Response.ContentLength = body.Length;
            return context.Response.Body.WriteAsync(body).AsTask();
        });
        await app.RunAsync();
        return 0;

    default:
        Console.Error.WriteLine("freshness TABLE CHART: expired seconds with five ways to renew; read: in-process reads of cached tokens; log ROWS ROUNDS FILE PLANS: pages and figures with that many rows in the log; load TOKENS FILE [PART …]: real nodes under load and at rest, all parts or some of rates, nodes, slow, open, alone, rest; kills ROUNDS TOKENS FILE: a node killed in the middle of its writes; scale TOKENS FILE: one node with that many tokens in the database; chaos MINUTES SEED FILE: real nodes under random faults; failover ROUNDS SEED FILE: real nodes during failovers to a replica; mutation AREA REPORT LOOKED-AT WHERE FILE: changes that no test detects; bare URL FILE: a Kestrel endpoint that returns the file's bytes.");
        return 2;
}
