using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Shouldly;
using TokenRefresh.Jobs;
using TokenRefresh.Jobs.Alerts;
using TokenRefresh.Jobs.Tokens;
using TokenRefresh.Providers;
using TokenRefresh.Server.Hosting;

namespace TokenRefresh.Tests.Server.Hosting;

public sealed class SettingsTests
{
    [Fact]
    public void Without_settings_the_crons_are_those_of_the_contract() =>
        (new ScheduleOptions().Cron, new ScheduleOptions().DueCheckCron, new BackupOptions().Cron, new HealthOptions().CheckCron, new NotificationOptions().DailySummaryCron)
            .ShouldBe(("0 */12 * * *", "* * * * *", "0 8,20 * * *", "*/30 * * * *", "0 8 * * *"));

    [Fact]
    public void Without_settings_people_are_notified() => new NotificationOptions().Enabled.ShouldBeTrue();

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void A_data_folder_that_is_left_blank_is_the_usual_one(string blank) =>
        new DataOptions { Directory = blank }.Directory.ShouldBe(HostPaths.Current.DefaultDataDirectory);

    [Theory]
    [InlineData("TokenRefresh:Schedule:Cron", "often", "TokenRefresh__Schedule__Cron = 'often' is not allowed: a cron expression")]
    [InlineData("TokenRefresh:Schedule:DueCheckCron", "* * * * * * *", "TokenRefresh__Schedule__DueCheckCron")]
    [InlineData("TokenRefresh:Schedule:TimeZone", "Mars/Olympus", "TokenRefresh__Schedule__TimeZone = 'Mars/Olympus' is not allowed: an IANA time zone")]
    [InlineData("TokenRefresh:Schedule:Timeout", "soon", "TokenRefresh__Schedule__Timeout = 'soon' is not allowed: a duration such as")]
    [InlineData("TokenRefresh:Schedule:Retries", "-1", "TokenRefresh__Schedule__Retries = '-1' is not allowed: a number from 0 to 20.")]
    [InlineData("TokenRefresh:Schedule:Retries", "2.5", "TokenRefresh__Schedule__Retries = '2.5' is not allowed: a number")]
    [InlineData("TokenRefresh:Schedule:Backoff", "00:00:00", "TokenRefresh__Schedule__Backoff")]
    [InlineData("TokenRefresh:Renewal:LifetimeFraction", "1", "TokenRefresh__Renewal__LifetimeFraction")]
    [InlineData("TokenRefresh:Queue:Workers", "0", "TokenRefresh__Queue__Workers = '0' is not allowed: a number from 1 to 100.")]
    [InlineData("TokenRefresh:Queue:Name", "My Queue", "TokenRefresh__Queue__Name")]
    [InlineData("TokenRefresh:Backup:Enabled", "maybe", "TokenRefresh__Backup__Enabled = 'maybe' is not allowed: true or false.")]
    [InlineData("TokenRefresh:Logging:CleanupAfterDays", "0", "TokenRefresh__Logging__CleanupAfterDays")]
    [InlineData("TokenRefresh:Notification:Email", "ops@example.com", "TokenRefresh__Notification is not a setting; TokenRefresh has Renewal, Notifications, Health")]
    [InlineData("Provider:Jibit:ApiKey", "x", "Provider is not a setting; the section is spelled Providers.")]
    [InlineData("Emails:Host", "x", "Emails is not a setting; the section is spelled Email.")]
    [InlineData("TokenRefresh:Schedule:Corn", "* * * * *", "TokenRefresh__Schedule__Corn is not a setting; TokenRefresh__Schedule has Cron")]
    [InlineData("Tokens:x:Provider", "nobody", "Tokens__x__Provider = 'nobody' is not allowed: one of finnotech, jibit.")]
    [InlineData("Tokens:x y:Provider", "jibit", "Tokens__x y is not allowed")]
    [InlineData("Tokens:x\n:Provider", "jibit", "Tokens__x\n is not allowed")]
    [InlineData("Tokens:../x:Provider", "jibit", "Tokens__../x is not allowed")]
    [InlineData("Tokens:jibit:Grant", "Magic", "Tokens__jibit__Grant = 'Magic' is not allowed: one of ClientCredentials, Imported.")]
    [InlineData("Providers:Jibit:Threshold", "later", "Providers__Jibit__Threshold = 'later'")]
    [InlineData("TokenRefresh:Notifications:Email", "ops", "TokenRefresh__Notifications__Email = 'ops' is not allowed: up to 50 mail addresses")]
    [InlineData("TokenRefresh:Notifications:Email", "ops@example.com\r\nBcc: all@example.com", "TokenRefresh__Notifications__Email")]
    [InlineData("TokenRefresh:Notifications:Email", "ops@example.com,, two@example.com, Three <three@example.com>", "TokenRefresh__Notifications__Email")]
    [InlineData("TokenRefresh:Notifications:OnFailure", "sometimes", "TokenRefresh__Notifications__OnFailure = 'sometimes' is not allowed: true or false.")]
    [InlineData("TokenRefresh:Notifications:DailySummaryCron", "mornings", "TokenRefresh__Notifications__DailySummaryCron")]
    [InlineData("TokenRefresh:Notifications:PanelUrl", "panel", "TokenRefresh__Notifications__PanelUrl")]
    [InlineData("Access:PublicUrl", "tokens.example.com", "Access__PublicUrl")]
    [InlineData("TokenRefresh:Notifications:WebhookUrls", "https://example.com/hook", "TokenRefresh__Notifications__WebhookSecret = (hidden) is not allowed: at least 16 characters")]
    [InlineData("TokenRefresh:Notifications:CriticalThreshold", "soon", "TokenRefresh__Notifications__CriticalThreshold")]
    [InlineData("TokenRefresh:Health:CheckCron", "x", "TokenRefresh__Health__CheckCron")]
    [InlineData("TokenRefresh:Health:AlertOnConsecutiveFailures", "-1", "TokenRefresh__Health__AlertOnConsecutiveFailures = '-1' is not allowed: a number from 0 to 100.")]
    [InlineData("TokenRefresh:Health:SuccessRateThreshold", "101", "TokenRefresh__Health__SuccessRateThreshold = '101' is not allowed: a number from 0 to 100.")]
    [InlineData("TokenRefresh:Health:HeartbeatUrl", "nowhere", "TokenRefresh__Health__HeartbeatUrl")]
    [InlineData("Email:Port", "0", "Email__Port = '0' is not allowed: a number from 1 to 65535.")]
    [InlineData("Email:Security", "Some", "Email__Security = 'Some' is not allowed: one of None, StartTls, Tls.")]
    [InlineData("Email:From", "", "Email__From = '' is not allowed: one mail address")]
    [InlineData("Access:TrustedProxies", "10.0.0.0/8,proxy", "Access__TrustedProxies = '10.0.0.0/8,proxy' is not allowed: addresses and networks separated by commas")]
    [InlineData("Sandbox:Enabled", "perhaps", "Sandbox__Enabled = 'perhaps' is not allowed: true or false.")]
    public void A_wrong_setting_is_refused_by_key_value_and_what_is_allowed(string key, string value, string line) =>
        Refusals((key, value)).ShouldHaveSingleItem().ShouldStartWith(line);

    [Fact]
    public void A_wrong_secret_is_refused_without_being_shown() =>
        Refusals(("Encryption:MasterKey", "planted")).ShouldHaveSingleItem().ShouldStartWith("Encryption__MasterKey = (hidden) is not allowed: 32 random bytes");

    [Fact]
    public void A_webhook_that_is_no_web_address_is_refused() =>
        Refusals(("TokenRefresh:Notifications:WebhookUrls", "ftp://example.com"), ("TokenRefresh:Notifications:WebhookSecret", "a secret of the webhook"))
            .ShouldHaveSingleItem().ShouldStartWith("TokenRefresh__Notifications__WebhookUrls = 'ftp://example.com' is not allowed: absolute http or https addresses");

    [Fact]
    public void All_wrong_settings_are_told_at_once() =>
        Refusals(("TokenRefresh:Queue:Workers", "0"), ("TokenRefresh:Schedule:Cron", "often")).Count.ShouldBe(2);

    [Fact]
    public void An_empty_value_means_the_default() =>
        Refusals(("TokenRefresh:Queue:Workers", ""), ("TokenRefresh:Schedule:Timeout", "")).ShouldBeEmpty();

    [Fact]
    public void Production_refuses_the_sandbox_and_a_shared_database_without_a_master_key()
    {
        Refusals(("environment", "Production"), ("Sandbox:Enabled", "true")).ShouldHaveSingleItem().ShouldStartWith("Sandbox__Enabled");
        Refusals(("environment", "Production"), ("ConnectionStrings:TokenRefresh", "Host=db;Database=x")).ShouldHaveSingleItem().ShouldStartWith("Encryption__MasterKey");
    }

    [Fact]
    public void In_production_without_credentials_every_token_is_not_configured_and_that_is_no_error()
    {
        using var app = (IDisposable)ServerHost.Build(Pairs(("environment", "Production")), Roles.None);
        var tokens = ((Microsoft.AspNetCore.Builder.WebApplication)app).Services.GetRequiredService<ConfiguredTokens>();

        tokens.All.Count.ShouldBe(10);
        tokens.Find("JIBIT")!.NotConfiguredBecause.ShouldBe("set Providers__Jibit__ApiKey, Providers__Jibit__SecretKey");
    }

    [Fact]
    public void The_ten_tokens_have_their_scopes_and_no_scope_that_needs_an_sms_grant()
    {
        using var app = (IDisposable)ServerHost.Build(Pairs(), Roles.All);
        var tokens = ((Microsoft.AspNetCore.Builder.WebApplication)app).Services.GetRequiredService<ConfiguredTokens>().All;

        tokens.Select(token => token.Name).ShouldBe(["fino", "fino_credit", "fino_inquiry", "fino_insurance", "fino_kyc", "fino_promissory", "fino_sms", "fino_token", "fino_vehicle", "jibit"]);
        tokens.Where(token => token.Provider.Name == "finnotech").ShouldAllBe(token => token.Order.Scopes.Count > 0);
        tokens.SelectMany(token => token.Order.Scopes).ShouldNotContain(scope => scope.StartsWith("credit:sms-", StringComparison.Ordinal));
        tokens.SelectMany(token => token.Order.Scopes).ShouldBeUnique();
    }

    [Fact]
    public void A_providers_own_rule_goes_before_the_general_one()
    {
        using var app = (IDisposable)ServerHost.Build(Pairs(("Providers:Jibit:LifetimeFraction", "0.5"), ("Providers:Jibit:CriticalThreshold", "04:00:00"), ("TokenRefresh:Renewal:Threshold", "00:10:00")), Roles.None);
        var tokens = ((Microsoft.AspNetCore.Builder.WebApplication)app).Services.GetRequiredService<ConfiguredTokens>();

        tokens.Find("jibit")!.Rule.ShouldBe(new(TimeSpan.FromMinutes(10), 0.5));
        tokens.Find("jibit")!.CriticalThreshold.ShouldBe(TimeSpan.FromHours(4));
        tokens.Find("fino")!.Rule.ShouldBe(new(TimeSpan.FromMinutes(10), 0.667));
    }

    [Fact]
    public void The_sandbox_stands_in_for_what_has_no_credentials_and_leaves_the_rest_alone()
    {
        using var app = (IDisposable)ServerHost.Build(Pairs(("environment", "Development"), ("Providers:Jibit:ApiKey", "real"), ("Providers:Jibit:SecretKey", "real")), Roles.None);

        ((Microsoft.AspNetCore.Builder.WebApplication)app).Services.GetRequiredService<SandboxedProviders>().Names.ShouldBe(["Finnotech"]);
    }

    [Fact]
    public void Seed_names_and_comments_of_an_env_file_are_understood()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "# a comment\nADMIN_EMAIL=ops@example.com\nTokenRefresh__Queue__Workers=7\n");

        EnvFile.Read([file]).Values.ShouldBe(new Dictionary<string, string?> { ["TokenRefresh:Notifications:Email"] = "ops@example.com", ["TokenRefresh:Queue:Workers"] = "7" }, ignoreOrder: true);
        File.Delete(file);
    }

    [Theory]
    [InlineData("ADMIN_EMAIL=seed@example.com\nTokenRefresh__Notifications__Email=", "seed@example.com")]
    [InlineData("ADMIN_EMAIL=seed@example.com\nTokenRefresh__Notifications__Email=ours@example.com", "ours@example.com")]
    [InlineData("TokenRefresh__Notifications__Email=ours@example.com\nADMIN_EMAIL=seed@example.com", "ours@example.com")]
    public void A_seed_name_counts_where_ours_is_not_there_or_empty(string lines, string address)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, lines);

        EnvFile.Read([file]).Values["TokenRefresh:Notifications:Email"].ShouldBe(address);
        File.Delete(file);
    }

    [Theory]
    [InlineData("TOKEN_REFRESH_NOTIFICATIONS_ENABLED=false", "false")]
    [InlineData("TOKEN_REFRESH_NOTIFICATIONS_ENABLED=false\nTokenRefresh__Notifications__Enabled=", "false")]
    [InlineData("TOKEN_REFRESH_NOTIFICATIONS_ENABLED=false\nTokenRefresh__Notifications__Enabled=true", "true")]
    public void The_seeds_switch_of_the_notifications_counts_where_ours_is_not_there_or_empty(string lines, string isEnabled)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, lines);

        EnvFile.Read([file]).Values["TokenRefresh:Notifications:Enabled"].ShouldBe(isEnabled);
        File.Delete(file);
    }

    [Theory]
    [InlineData("'a$b\\c d#e'", "a$b\\c d#e")]
    [InlineData("\"a b\"", "a b")]
    public void A_secret_with_odd_signs_is_read_as_it_stands_between_single_quotes(string written, string read)
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, $"Email__Password={written}");

        EnvFile.Read([file]).Values["Email:Password"].ShouldBe(read);
        File.Delete(file);
    }

    [Fact]
    public void The_example_file_can_be_read_as_it_is() =>
        Should.NotThrow(() => EnvFile.Read([Path.Combine(HostPaths.Current.RepositoryRoot!, ".env.example")]));

    [Fact]
    public void Changed_credentials_change_the_providers_digest()
    {
        byte[] Digest(string key)
        {
            using var app = (IDisposable)ServerHost.Build(Pairs(("Providers:Jibit:ApiKey", key), ("Providers:Jibit:SecretKey", "s")), Roles.None);
            return ((Microsoft.AspNetCore.Builder.WebApplication)app).Services.GetRequiredService<ITokenProviders>().Find("jibit")!.SettingsDigest;
        }

        Digest("one").ShouldBe(Digest("one"));
        Digest("one").ShouldNotBe(Digest("two"));
    }

    private static List<string> Refusals(params (string Key, string Value)[] settings)
    {
        using var app = (IDisposable)ServerHost.Build(Pairs(settings), Roles.All);
        try
        {
            StartUp.Validate(((Microsoft.AspNetCore.Builder.WebApplication)app).Services);
            return [];
        }
        catch (OptionsValidationException error)
        {
            return [.. error.Failures.Distinct()];
        }
        catch (AggregateException errors)
        {
            return [.. errors.InnerExceptions.Cast<OptionsValidationException>().SelectMany(error => error.Failures).Distinct()];
        }
    }

    private static Dictionary<string, string?> Pairs(params (string Key, string Value)[] settings) =>
        settings.ToDictionary(pair => pair.Key, pair => (string?)pair.Value, StringComparer.OrdinalIgnoreCase);
}
