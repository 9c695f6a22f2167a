/** What the wallet's pages add: sealing for the vault, passkeys, and figures of a card in groups of four. */
import "./wallet/vault_form";
import "./wallet/phone_passkey";
import "./wallet/card_number";
