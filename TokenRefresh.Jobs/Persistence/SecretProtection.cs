using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;

namespace TokenRefresh.Jobs.Persistence;

/// <summary>Seals secrets before they are stored. The purpose holds the token's name, so a sealed secret moved to another row does not open.</summary>
public sealed class SecretProtection(IDataProtectionProvider protection, MasterKey masterKey)
{
    /// <summary>The application name under which the key ring works; all nodes share it.</summary>
    internal const string Application = "TokenRefresh";

    /// <summary>Hexadecimal digits: 64 bits, so that two tokens of one name never share one.</summary>
    private const int TagLength = 16;

    /// <summary>Seals the access token of <paramref name="token"/>.</summary>
    public string SealAccess(string token, string secret) => Protector(token, "access").Protect(secret);

    /// <summary>Seals the refresh token of <paramref name="token"/>.</summary>
    public string? SealRefresh(string token, string? secret) => secret is null ? null : Protector(token, "refresh").Protect(secret);

    /// <summary>Opens a stored access token.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It was sealed for another token, with another key, or was altered.</exception>
    public string OpenAccess(string token, string sealedSecret) => Protector(token, "access").Unprotect(sealedSecret);

    /// <summary>Opens a stored refresh token.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">As <see cref="OpenAccess"/>.</exception>
    public string? OpenRefresh(string token, string? sealedSecret) => sealedSecret is null ? null : Protector(token, "refresh").Unprotect(sealedSecret);

    /// <summary>Seals the secrets of <paramref name="provider"/>.</summary>
    public string SealProvider(string provider, string secrets) => ProviderProtector(provider).Protect(secrets);

    /// <summary>Opens the stored secrets of a provider.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">As <see cref="OpenAccess"/>.</exception>
    public string OpenProvider(string provider, string sealedSecrets) => ProviderProtector(provider).Unprotect(sealedSecrets);

    /// <summary>Seals whom <paramref name="token"/> belongs to.</summary>
    public string SealSubject(string token, string subject) => Protector(token, "subject").Protect(subject);

    /// <summary>Opens a stored subject.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">As <see cref="OpenAccess"/>.</exception>
    public string OpenSubject(string token, string sealedSubject) => Protector(token, "subject").Unprotect(sealedSubject);

    /// <summary>By which a subject is found again without being stored in clear. It stays the same when the keys rotate, because the master key does.</summary>
    public string HashSubject(string subject) => masterKey.Digest("tokenrefresh subject", subject);

    /// <summary>Tells one token from another without telling anything of either: only a holder of the master key can make it, so no guess can be tried against it.</summary>
    public string Tag(string token, string? secret) => secret is null ? "none" : masterKey.Digest(Encoding.UTF8.GetBytes($"{token}|{secret}"))[..TagLength];

    /// <summary>A keyed digest of settings: tells whether they have changed, and nothing of them.</summary>
    /// <param name="settings">The settings as bytes, secrets included.</param>
    public string Fingerprint(byte[] settings) => masterKey.Digest(settings);

    private IDataProtector ProviderProtector(string provider) => protection.CreateProtector(Application, "provider", provider, "secrets");

    private IDataProtector Protector(string token, string field) => protection.CreateProtector(Application, "token", token, field);
}

/// <summary>Encrypts the elements of the key ring with the master key.</summary>
internal sealed class MasterKeyXmlEncryptor(MasterKey masterKey) : IXmlEncryptor
{
    public EncryptedXmlInfo Encrypt(XElement plaintextElement) => new(
        new XElement("sealed", masterKey.Seal(plaintextElement.ToString(SaveOptions.DisableFormatting))),
        typeof(MasterKeyXmlDecryptor));
}

/// <summary>The way back; Data Protection makes it by the type's name that is stored beside each key.</summary>
internal sealed class MasterKeyXmlDecryptor(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement) =>
        XElement.Parse(services.GetRequiredService<MasterKey>().Open(encryptedElement.Value));
}
