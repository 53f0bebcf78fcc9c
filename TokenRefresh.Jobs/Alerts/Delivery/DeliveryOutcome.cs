namespace TokenRefresh.Jobs.Alerts.Delivery;

/// <summary>What came of trying to deliver one message. Closed: a <c>switch</c> over it visits every case.</summary>
public abstract record DeliveryOutcome
{
    private DeliveryOutcome()
    {
    }

    /// <summary>The other side has taken it.</summary>
    /// <param name="Words">What it said.</param>
    public sealed record Accepted(string Words) : DeliveryOutcome;

    /// <summary>It left this machine for no one: with no mail server configured it is a file.</summary>
    /// <param name="Path">The file.</param>
    public sealed record Written(string Path) : DeliveryOutcome
    {
        /// <summary>Where it is, and what has to be set so that the next one is sent.</summary>
        public string Words => $"written to disk: {Path}; no mail server is configured, set Email__Host";
    }

    /// <summary>The other side will never take it; trying again would not help.</summary>
    public sealed record Refused(string Reason) : DeliveryOutcome;

    /// <summary>It did not work this time.</summary>
    /// <param name="Reason">Why.</param>
    /// <param name="IsAway">True when nothing else can be delivered there now either.</param>
    public sealed record Failed(string Reason, bool IsAway) : DeliveryOutcome;
}

/// <summary>Sends one mail to one recipient.</summary>
public interface IEmailSender
{
    /// <summary>Tries once. Never throws for what the other side does.</summary>
    /// <exception cref="OperationCanceledException">The program stops.</exception>
    Task<DeliveryOutcome> SendAsync(Notification mail, CancellationToken cancellationToken);
}
